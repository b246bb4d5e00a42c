/** Values of a template: what JSON holds, and functions for a row's methods. How Go tests, compares and prints them. */
export type Value = unknown;

/** On an object of a document: what it is where docker has a type for it, and JSON only an object or null. */
export const KIND: unique symbol = Symbol('kind');

/**
 * strings: a map of strings. map: of anything else. nil: a list or map that is not there, `null` in JSON. pointer: one to nothing,
 * `null` too, which prints as `<nil>` and has no fields.
 */
export type Kind = 'strings' | 'map' | 'nil' | 'pointer';

export function kindOf(value: Value): Kind | undefined {
  return typeof value === 'object' && value !== null ? (value as { readonly [KIND]?: Kind })[KIND] : undefined;
}

/** A map: every object that is no list. */
export function isMap(value: Value): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether `if` takes it for true: not nil, false, zero or empty. */
export function isTrue(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isMap(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** A value as fmt prints it with %v. */
export function print(value: Value): string {
  if (value === null || value === undefined || kindOf(value) === 'pointer') return '<nil>';
  if (Array.isArray(value)) return `[${value.map(print).join(' ')}]`;
  if (isMap(value)) {
    const entries = Object.keys(value)
      .toSorted()
      .map((key) => `${key}:${print(value[key])}`);
    return `map[${entries.join(' ')}]`;
  }
  return typeof value === 'number' && !Number.isInteger(value) ? formatFloat(value) : String(value);
}

/** A floating-point number as %g prints it: all its digits unless a precision is given, an exponent for the very small and large. */
export function formatFloat(value: number, precision?: number): string {
  const scientific = precision === undefined ? value.toExponential() : value.toExponential(Math.max(1, precision) - 1);
  const [mantissa = '', power = '0'] = scientific.split('e');
  const exponent = Number(power);
  const short = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  const digits = short.replace(/\D/g, '').length;
  // Go: six digits decide where all are shown, else the precision, or fewer digits where the number is whole.
  const least = Math.max(1, precision ?? 6);
  const limit = precision !== undefined && least > digits && digits > exponent ? digits : least;
  if (exponent < -4 || exponent >= limit) {
    return `${short}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  return Number(scientific).toFixed(Math.max(0, digits - 1 - exponent));
}

/** A value as an action puts it into the output. */
export function printAction(value: Value): string {
  return value === null || value === undefined ? '<no value>' : print(value);
}

/** JSON as Go's encoder writes it, for integers of any size. */
export function toJson(value: Value, indent?: string): string {
  return encode(value, indent, '');
}

function encode(value: Value, indent: string | undefined, margin: string): string {
  if (typeof value === 'bigint') return value.toString();
  if (value === null || value === undefined || typeof value === 'function') return 'null';
  if (typeof value === 'string') return quoteJson(value);
  if (typeof value !== 'object') return JSON.stringify(value);
  if (kindOf(value) === 'nil' || kindOf(value) === 'pointer') return 'null';
  const list = Array.isArray(value);
  const inner = indent === undefined ? '' : margin + indent;
  const items = list
    ? value.map((item) => encode(item, indent, inner))
    : Object.entries(value)
        .filter(([, item]) => item !== undefined && typeof item !== 'function')
        .map(([key, item]) => `${quoteJson(key)}:${indent === undefined ? '' : ' '}${encode(item, indent, inner)}`);
  const [open, close] = list ? '[]' : '{}';
  if (items.length === 0) return `${open}${close}`;
  if (indent === undefined) return `${open}${items.join(',')}${close}`;
  return `${open}\n${inner}${items.join(`,\n${inner}`)}\n${margin}${close}`;
}

/** As docker's encoder does, which does not escape for HTML; the two separators that JavaScript minds are escaped. */
function quoteJson(text: string): string {
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

/** Parses JSON; integers that a number cannot hold become bigints. */
export function fromJson(text: string): Value {
  const revive = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? BigInt(context?.source ?? 0)
      : value;
  return JSON.parse(text, revive) as unknown;
}

/** The name of a value's type in Go. */
export function goType(value: Value): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (isMap(value)) return 'map[string]interface {}';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64';
  return typeof value === 'bigint' ? 'int' : typeof value;
}
