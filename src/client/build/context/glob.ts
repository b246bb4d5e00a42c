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

/** What stands between two stars, parsed only as far as the match needs: Go finds errors no sooner. */
interface Chunk {
  readonly star: boolean;
  readonly chars: readonly string[];
}

/**
 * Whether a pattern matches a whole name: `*` is any run without `/`, `?` one character but `/`, `[a-z]` and `[^a-z]` a class, `\`
 * takes the next literally. Throws INVALID_ARGUMENT where Go says ErrBadPattern, which is only where the match comes across it.
 */
export function matchGlob(pattern: string, name: string): boolean {
  const chunks = split([...pattern]);
  let rest: readonly string[] = [...name];
  for (const [index, { star, chars }] of chunks.entries()) {
    const last = index === chunks.length - 1;
    if (star && chars.length === 0) return !rest.includes('/');
    let after = matchChunk(chars, rest, pattern);
    if (after === undefined || (last && after.length > 0)) {
      after = undefined;
      for (let skip = 1; star && skip <= rest.length && rest[skip - 1] !== '/'; skip++) {
        const tried = matchChunk(chars, rest.slice(skip), pattern);
        if (tried === undefined || (last && tried.length > 0)) continue;
        after = tried;
        break;
      }
    }
    if (after === undefined) return false;
    rest = after;
  }
  return rest.length === 0;
}

function split(chars: readonly string[]): Chunk[] {
  const chunks: Chunk[] = [];
  let i = 0;
  while (i < chars.length) {
    const star = chars[i] === '*';
    while (chars[i] === '*') i++;
    const start = i;
    for (let inClass = false; i < chars.length && (chars[i] !== '*' || inClass); i++) {
      if (chars[i] === '\\' && i + 1 < chars.length) i++;
      else if (chars[i] === '[') inClass = true;
      else if (chars[i] === ']') inClass = false;
    }
    chunks.push({ star, chars: chars.slice(start, i) });
  }
  return chunks;
}

/** What is left of a name behind a chunk; undefined when it does not match. Reads the chunk to its end for its syntax. */
function matchChunk(chunk: readonly string[], name: readonly string[], pattern: string): readonly string[] | undefined {
  let at = 0;
  let failed = false;
  for (let i = 0; i < chunk.length; ) {
    failed ||= at >= name.length;
    let char = chunk[i] as string;
    if (char === '[') {
      const parsed = readClass(chunk, i + 1, pattern);
      i = parsed.next;
      failed ||= !parsed.has(name[at] ?? '');
    } else if (char === '?') {
      failed ||= name[at] === '/';
      i++;
    } else {
      if (char === '\\') {
        i++;
        if (i === chunk.length) throw badPattern(pattern);
        char = chunk[i] as string;
      }
      failed ||= name[at] !== char;
      i++;
    }
    at++;
  }
  return failed ? undefined : name.slice(at);
}

/** A class, from behind its bracket on. */
function readClass(
  chunk: readonly string[],
  start: number,
  pattern: string,
): { next: number; has: (char: string) => boolean } {
  let i = start;
  const negated = chunk[i] === '^';
  if (negated) i++;
  const ranges: [low: number, high: number][] = [];
  const readChar = (): number => {
    if (chunk[i] === undefined || chunk[i] === '-' || chunk[i] === ']') throw badPattern(pattern);
    if (chunk[i] === '\\') i++;
    const char = chunk[i++];
    // At least the closing bracket must follow.
    if (char === undefined || i >= chunk.length) throw badPattern(pattern);
    return char.codePointAt(0) ?? 0;
  };
  while (ranges.length === 0 || chunk[i] !== ']') {
    const low = readChar();
    let high = low;
    if (chunk[i] === '-') {
      i++;
      high = readChar();
    }
    ranges.push([low, high]);
  }
  const has = (char: string) => {
    const code = char.codePointAt(0) ?? 0;
    return ranges.some(([low, high]) => low <= code && code <= high) !== negated;
  };
  return { next: i + 1, has };
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
