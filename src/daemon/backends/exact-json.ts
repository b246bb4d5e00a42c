/**
 * JSON whose whole numbers may have 64 bits, as Go writes it: RLIM_INFINITY, arguments of system calls. A double would change
 * them, and Go then refuses what it reads (JSON.rawJSON and the source of a number: ECMAScript 2026, which TypeScript does not know).
 */

interface Exact {
  rawJSON(digits: string): unknown;
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
}
const exact = JSON as unknown as Exact;

/** A number that JSON.stringify prints digit by digit. */
export function exactNumber(digits: string): unknown {
  return exact.rawJSON(digits);
}

/** Parses; a number that no double holds comes out as exactNumber. Throws SyntaxError. */
export function parseExact(text: string): unknown {
  // A reviver costs ten times as much, and hardly any text has such a number.
  if (!/\d{16}/.test(text)) return JSON.parse(text) as unknown;
  return exact.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source ?? '')
      ? exactNumber(source ?? '')
      : value,
  );
}
