/** Go's path/filepath.Match (unix), which BuildKit uses to check patterns and to expand the wildcards of follow paths. */
import { Code, K3cError } from '../../../api/errors.ts';

/** The error of a pattern that Go calls malformed. */
export function badPattern(pattern: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, `syntax error in pattern ${JSON.stringify(pattern)}`);
}

/** A code point written so that it stands for itself in a `u` regular expression, inside a class and out. */
export function literal(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}

/**
 * Compiles a pattern: `*` any run without `/`, `?` one character but `/`, `[a-z]` and `[^a-z]`, `\` takes the next literally.
 * Throws INVALID_ARGUMENT where Go says ErrBadPattern.
 */
export function compileGlob(pattern: string): RegExp {
  const chars = [...pattern];
  let source = '';
  let i = 0;
  const classChar = (): string => {
    let char = chars[i];
    if (char === undefined || char === '-' || char === ']') throw badPattern(pattern);
    if (char === '\\') {
      i++;
      char = chars[i];
      if (char === undefined) throw badPattern(pattern);
    }
    i++;
    // Go wants at least the closing bracket to follow.
    if (i >= chars.length) throw badPattern(pattern);
    return char;
  };
  while (i < chars.length) {
    const char = chars[i] as string;
    i++;
    if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '\\') {
      const next = chars[i];
      if (next === undefined) throw badPattern(pattern);
      source += literal(next);
      i++;
    } else if (char === '[') {
      const negated = chars[i] === '^';
      if (negated) i++;
      let body = '';
      for (let ranges = 0; ranges === 0 || chars[i] !== ']'; ranges++) {
        const low = classChar();
        let high = low;
        if (chars[i] === '-') {
          i++;
          high = classChar();
        }
        // A range the wrong way round matches nothing.
        if ((low.codePointAt(0) ?? 0) <= (high.codePointAt(0) ?? 0)) body += `${literal(low)}-${literal(high)}`;
      }
      i++;
      source += negated ? `[^${body}]` : `[${body}]`;
    } else source += literal(char);
  }
  return new RegExp(`^${source}$`, 'su');
}

/** Whether a name holds a wildcard that is not escaped (fsutil's rule for follow paths). */
export function hasWildcard(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const char = name[i];
    if (char === '\\') i++;
    else if (char === '*' || char === '?' || char === '[') return true;
  }
  return false;
}
