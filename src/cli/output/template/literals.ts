/** Go's constants in a template. All throw Error with the reason. */

/** A quoted string, or a raw one in backquotes. */
export function parseString(text: string): string {
  const inner = text.slice(1, -1);
  if (text.startsWith('`')) return inner;
  return inner.replace(
    /\\(?:([abfnrtv\\"'])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gs,
    (_all, simple?: string, x?: string, u?: string, long?: string, octal?: string) => {
      if (simple !== undefined) return ESCAPES[simple] ?? simple;
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      const code = x ?? u ?? long;
      if (code === undefined) throw new Error('invalid syntax');
      return String.fromCodePoint(Number.parseInt(code, 16));
    },
  );
}

/** A character in single quotes: its number. */
export function parseCharacter(text: string): number {
  const letters = [...parseString(text)];
  if (letters.length === 0) throw new Error('invalid syntax');
  if (letters.length > 1) throw new Error(`malformed character constant: ${text}`);
  return letters[0]?.codePointAt(0) ?? 0;
}

/** An integer of any base and size, or a floating-point number. */
export function parseNumber(text: string): number | bigint {
  const plain = text.replaceAll('_', '');
  const sign = plain.startsWith('-') ? -1 : 1;
  const digits = plain.replace(/^[+-]/, '');
  const octal = /^0[0-7]+$/.test(digits);
  if (octal || /^(?:\d+|0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+)$/.test(digits)) {
    const value = BigInt(octal ? `0o${digits.slice(1)}` : digits) * BigInt(sign);
    return fits(value) ? Number(value) : value;
  }
  const value = Number(plain);
  if (Number.isNaN(value)) throw new Error(`bad number syntax: ${JSON.stringify(text)}`);
  return value;
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function fits(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
}
