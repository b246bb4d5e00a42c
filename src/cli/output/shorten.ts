/** How ids and long texts are cut in lists. */

/** The first 12 digits of an id, without its algorithm. */
export function shortId(id: string): string {
  return (id.includes(':') ? id.replace(/^[a-z0-9]+:/, '') : id).slice(0, 12);
}

/** A text of at most so many letters, its end cut off with an ellipsis. */
export function ellipsis(text: string, width: number): string {
  // In UTF-16 there are at least as many units as letters.
  if (text.length <= width) return text;
  const letters = [...text];
  return letters.length <= width ? text : `${letters.slice(0, width - 1).join('')}…`;
}

/** A text in quotes as Go's strconv.Quote writes it. */
export function goQuote(text: string): string {
  // Printable ASCII stands for itself: what nearly every text is, and lists quote one a row.
  if (/^[ !#-[\]-~]*$/.test(text)) return `"${text}"`;
  let quoted = '"';
  for (const letter of text) {
    const code = letter.codePointAt(0) ?? 0;
    const named = ESCAPES[letter];
    if (named !== undefined) quoted += named;
    else if (code < 0x20 || code === 0x7f) quoted += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (/\p{C}|\p{Zl}|\p{Zp}/u.test(letter)) {
      quoted += code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
    } else quoted += letter;
  }
  return `${quoted}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};
