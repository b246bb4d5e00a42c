/** The tokens of Go's text/template. */

export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/** What stands at one place of a template. `glued` tells `.A.B`, one operand, from `.A .B`, two. */
export interface Token {
  readonly kind:
    | 'text'
    | 'open'
    | 'close'
    | 'word'
    | 'field'
    | 'variable'
    | 'dot'
    | 'string'
    | 'number'
    | 'char'
    | 'sign';
  readonly text: string;
  /** Where it begins, in letters from the start. */
  readonly at: number;
  readonly glued: boolean;
}

const INSIDE =
  /(?<space>\s+)|(?<field>\.[\p{L}_][\p{L}\p{Nd}_]*)|(?<variable>\$[\p{L}\p{Nd}_]*)|(?<number>[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))|(?<dot>\.)|(?<word>[\p{L}_][\p{L}\p{Nd}_]*)|(?<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?<char>'(?:[^'\\\n]|\\.)+')|(?<sign>:=|[=|(),])/uy;

/** The line that a place is on, counted from 1. */
export function lineOf(source: string, at: number): number {
  return source.slice(0, at).split('\n').length;
}

/** Cuts a template into tokens. Throws TemplateError with Go's sentences. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  const fail = (at: number, reason: string) => new TemplateError(`template: :${lineOf(source, at)}: ${reason}`);
  let at = 0;
  let trimNext = false;
  while (at < source.length) {
    const open = source.indexOf('{{', at);
    let text = source.slice(at, open < 0 ? undefined : open);
    if (trimNext) text = text.trimStart();
    trimNext = false;
    const trims = open >= 0 && /^-\s/.test(source.slice(open + 2, open + 4));
    if (trims) text = text.trimEnd();
    if (text !== '') tokens.push({ kind: 'text', text, at, glued: false });
    if (open < 0) break;
    at = open + (trims ? 4 : 2);
    const comment = /^\s*\/\*/.exec(source.slice(at));
    if (comment !== null) {
      const end = source.indexOf('*/', at);
      if (end < 0) throw fail(at, 'unclosed comment');
      const close = /^(\s+-)?\}\}/.exec(source.slice(end + 2));
      if (close === null) throw fail(at, 'comment ends before closing delimiter');
      trimNext = close[1] !== undefined;
      at = end + 2 + close[0].length;
      continue;
    }
    tokens.push({ kind: 'open', text: '{{', at: open, glued: false });
    let glued = false;
    for (;;) {
      const close = /^(\s+-)?\s*\}\}/.exec(source.slice(at));
      if (close !== null) {
        tokens.push({ kind: 'close', text: '}}', at, glued: false });
        at += close[0].length;
        trimNext = close[1] !== undefined;
        break;
      }
      if (at >= source.length) throw fail(at, 'unclosed action');
      INSIDE.lastIndex = at;
      const groups = INSIDE.exec(source)?.groups;
      const kind = Object.keys(groups ?? {}).find((name) => groups?.[name] !== undefined);
      const found = kind === undefined ? undefined : groups?.[kind];
      if (kind === undefined || found === undefined) {
        const letter = source[at] ?? '';
        if (letter === '"') throw fail(at, 'unterminated quoted string');
        if (letter === '`') throw fail(at, 'unterminated raw quoted string');
        if (letter === "'")
          throw fail(at, source.startsWith("''", at) ? 'invalid syntax' : 'unterminated character constant');
        const found = String.fromCodePoint(source.codePointAt(at) ?? 0);
        if (!glued) throw fail(at, `unexpected ${JSON.stringify(found)} in command`);
        const code = found.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
        throw fail(at, `bad character U+${code} '${found}'`);
      }
      if (glued && kind === 'word' && tokens.at(-1)?.kind === 'number') {
        throw fail(at, `bad number syntax: ${JSON.stringify(`${tokens.at(-1)?.text}${found}`)}`);
      }
      if (kind !== 'space') tokens.push({ kind: kind as Token['kind'], text: found, at, glued });
      glued = kind !== 'space';
      at += found.length;
    }
  }
  return tokens;
}
