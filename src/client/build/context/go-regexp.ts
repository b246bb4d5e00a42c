/**
 * Go regular expressions, as far as ignore patterns can produce them, in JavaScript's terms. The two differ inside
 * character classes and in what a backslash may precede, and patternmatcher hands the user's brackets and backslashes through.
 */
import { literal } from './glob.ts';

/** Characters of Go's perl classes; its \s has no vertical tab and no unicode spaces. */
const perlClasses: Readonly<Record<string, string>> = {
  d: '0-9',
  w: '0-9A-Za-z_',
  s: '\\t\\n\\f\\r ',
};
const posixClasses: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7f',
  blank: '\\t ',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`\\{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};
const controls: Readonly<Record<string, string>> = { a: '\x07', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** Translates; undefined where Go refuses to compile. */
export function translateGoRegexp(source: string): RegExp | undefined {
  const chars = [...source];
  let out = '';
  let i = 0;

  /** The character after a backslash at chars[i]; undefined for what Go refuses or we do not know. */
  const escaped = (): string | undefined => {
    const char = chars[i++];
    if (char === undefined) return undefined;
    if (!/[0-9A-Za-z]/.test(char)) return char;
    return controls[char];
  };
  const perl = (negatable: string): string | undefined => {
    const body = perlClasses[negatable.toLowerCase()];
    if (body === undefined) return undefined;
    return negatable === negatable.toLowerCase() ? `[${body}]` : `[^${body}]`;
  };
  const classBody = (): string | undefined => {
    const negated = chars[i] === '^';
    if (negated) i++;
    let body = '';
    for (let first = true; first || chars[i] !== ']'; first = false) {
      const char = chars[i++];
      if (char === undefined) return undefined;
      if (char === '[' && chars[i] === ':') {
        const end = chars.indexOf(':', i + 1);
        const set = end > 0 && chars[end + 1] === ']' ? posixClasses[chars.slice(i + 1, end).join('')] : undefined;
        if (set !== undefined) {
          body += set;
          i = end + 2;
          continue;
        }
      }
      if (char === '\\' && perlClasses[chars[i] ?? ''] !== undefined) {
        body += perlClasses[chars[i++] ?? ''];
        continue;
      }
      const low = char === '\\' ? escaped() : char;
      if (low === undefined) return undefined;
      let high: string | undefined = low;
      if (chars[i] === '-' && chars[i + 1] !== ']' && i + 1 < chars.length) {
        i++;
        high = chars[i++];
        if (high === '\\') high = escaped();
        if (high === undefined || (high.codePointAt(0) ?? 0) < (low.codePointAt(0) ?? 0)) return undefined;
      }
      body += `${literal(low)}-${literal(high)}`;
    }
    i++;
    return negated ? `[^${body}]` : `[${body}]`;
  };

  while (i < chars.length) {
    const char = chars[i++] as string;
    if (char === '[') {
      const set = classBody();
      if (set === undefined) return undefined;
      out += set;
    } else if (char === '\\') {
      const next = chars[i] ?? '';
      const set = perl(next);
      if (set !== undefined || next === 'b' || next === 'B') {
        out += set ?? `\\${next}`;
        i++;
      } else if (next === 'A' || next === 'z') {
        out += next === 'A' ? '^' : '$';
        i++;
      } else {
        const plain = escaped();
        if (plain === undefined) return undefined;
        out += literal(plain);
      }
    } else if (char === '.') out += '[^\\n]';
    // In a group, because Go lets anchors be repeated.
    else if (char === '^' || char === '$') out += `(?:${char})`;
    else if ('()*+?|'.includes(char)) out += char;
    else if (char === '{') {
      // A repetition when it reads as one, else an ordinary brace.
      const repeat = /^\{\d{1,4}(,\d{0,4})?\}/.exec(chars.slice(i - 1, i + 11).join(''))?.[0];
      out += repeat ?? literal(char);
      if (repeat !== undefined) i += repeat.length - 1;
    } else out += literal(char);
  }
  try {
    return new RegExp(out, 'u');
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
