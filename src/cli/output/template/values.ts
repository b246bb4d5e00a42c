/** Values of a template: what JSON holds, and functions for a row's methods. How Go tests, compares and prints them. */
import { goQuote } from '../shorten.ts';

export type Value = unknown;

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
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(print).join(' ')}]`;
  if (isMap(value)) {
    const entries = Object.keys(value)
      .toSorted()
      .map((key) => `${key}:${print(value[key])}`);
    return `map[${entries.join(' ')}]`;
  }
  return String(value);
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
  if (typeof value !== 'object') return JSON.stringify(value);
  const list = Array.isArray(value);
  const inner = indent === undefined ? '' : margin + indent;
  const items = list
    ? value.map((item) => encode(item, indent, inner))
    : Object.entries(value)
        .filter(([, item]) => item !== undefined && typeof item !== 'function')
        .map(
          ([key, item]) => `${JSON.stringify(key)}:${indent === undefined ? '' : ' '}${encode(item, indent, inner)}`,
        );
  const [open, close] = list ? '[]' : '{}';
  if (items.length === 0) return `${open}${close}`;
  if (indent === undefined) return `${open}${items.join(',')}${close}`;
  return `${open}\n${inner}${items.join(`,\n${inner}`)}\n${margin}${close}`;
}

/** Parses JSON; integers that a number cannot hold become bigints. */
export function fromJson(text: string): Value {
  const revive = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? BigInt(context?.source ?? 0)
      : value;
  return JSON.parse(text, revive) as unknown;
}

/** fmt.Sprintf for the verbs that templates use. */
export function sprintf(format: string, args: readonly Value[]): string {
  let next = 0;
  const text = format.replace(
    /%([-+# 0]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])/g,
    (_all, flags: string, width, digits, verb) => {
      if (verb === '%') return '%';
      if (next >= args.length) return `%!${verb}(MISSING)`;
      const filled = fill(verbText(verb, args[next++], digits, flags), flags, Number(width ?? 0));
      return filled;
    },
  );
  const extra = args.slice(next).map((value) => `${goType(value)}=${print(value)}`);
  return extra.length === 0 ? text : `${text}%!(EXTRA ${extra.join(', ')})`;
}

function verbText(verb: string, value: Value, digits: string | undefined, flags: string): string {
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  const sign = flags.includes('+') && isNumber && value >= 0 ? '+' : '';
  switch (verb) {
    case 'v':
      return print(value);
    case 's':
      if (isNumber) break;
      return digits === undefined ? print(value) : [...print(value)].slice(0, Number(digits)).join('');
    case 'q':
      return Array.isArray(value) ? `[${value.map((item) => goQuote(print(item))).join(' ')}]` : goQuote(print(value));
    case 'd':
      if (isNumber && Number.isInteger(Number(value))) return `${sign}${value}`;
      break;
    case 'f':
      if (isNumber) return `${sign}${Number(value).toFixed(Number(digits ?? 6))}`;
      break;
    case 't':
      if (typeof value === 'boolean') return String(value);
      break;
    case 'x':
    case 'X': {
      const hex = isNumber ? value.toString(16) : Buffer.from(print(value)).toString('hex');
      return verb === 'x' ? hex : hex.toUpperCase();
    }
    case 'T':
      return goType(value);
    default:
  }
  return `%!${verb}(${goType(value)}=${print(value)})`;
}

function fill(text: string, flags: string, width: number): string {
  if (flags.includes('-')) return text.padEnd(width);
  if (flags.includes('0') && /^[+-]?\d/.test(text)) {
    const sign = /^[+-]?/.exec(text)?.[0] ?? '';
    return sign + text.slice(sign.length).padStart(width - sign.length, '0');
  }
  return text.padStart(width);
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
