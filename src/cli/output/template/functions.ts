/** The functions of templates: Go's own and docker's. `and` and `or` are the evaluator's: they stop at the first that decides. */
import { goType, isMap, isTrue, print, sprintf, toJson, type Value } from './values.ts';

export type TemplateFunction = (...args: Value[]) => Value;

/** What docker's templates may call. */
export const functions: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['json', (value) => toJson(value)],
  ['split', (text, separator) => asText(text).split(asText(separator))],
  ['join', join],
  [
    'title',
    (text) =>
      asText(text).replace(/(^|\s)(\S)/g, (_all, space: string, letter: string) => space + letter.toUpperCase()),
  ],
  ['lower', (text) => asText(text).toLowerCase()],
  ['upper', (text) => asText(text).toUpperCase()],
  [
    'pad',
    (text, before, after) =>
      asText(text) === '' ? '' : ' '.repeat(asNumber(before)) + asText(text) + ' '.repeat(asNumber(after)),
  ],
  ['truncate', (text, length) => asText(text).slice(0, asNumber(length))],
  ['print', sprint],
  ['printf', (format, ...args) => sprintf(asText(format), args)],
  ['println', (...args) => `${args.map(print).join(' ')}\n`],
  ['len', length],
  ['index', index],
  ['slice', slice],
  ['not', (value) => !isTrue(value)],
  ['eq', (first, ...others) => others.some((other) => equal(first, other))],
  ['ne', (a, b) => !equal(a, b)],
  ['lt', (a, b) => compare(a, b) < 0],
  ['le', (a, b) => compare(a, b) <= 0],
  ['gt', (a, b) => compare(a, b) > 0],
  ['ge', (a, b) => compare(a, b) >= 0],
  ['html', (...args) => sprint(...args).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)],
  ['urlquery', (...args) => encodeURIComponent(sprint(...args)).replaceAll('%20', '+')],
]);

/** The same for a table's header line: what works on a name leaves it as it is. */
export const headerFunctions: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ...functions,
  ...['json', 'split', 'join', 'title', 'lower', 'upper', 'truncate'].map((name): [string, TemplateFunction] => [
    name,
    (value) => value,
  ]),
]);

function asText(value: Value): string {
  if (typeof value === 'string') return value;
  throw new Error(`wrong type for value; expected string; got ${goType(value)}`);
}

function asNumber(value: Value): number {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  throw new Error(`wrong type for value; expected int; got ${goType(value)}`);
}

/** fmt.Sprint: a space between two operands when neither is a string. */
function sprint(...args: Value[]): string {
  return args
    .map((value, i) => {
      const apart = i > 0 && typeof value !== 'string' && typeof args[i - 1] !== 'string';
      return (apart ? ' ' : '') + print(value);
    })
    .join('');
}

function join(list: Value, separator: Value): string {
  if (list === null || list === undefined) return '';
  if (Array.isArray(list)) return list.map(print).join(asText(separator));
  if (isMap(list)) return Object.values(list).map(print).toSorted().join(asText(separator));
  throw new Error(`expected slice, got ${goType(list)}`);
}

function length(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  // A list that JSON says is null is an empty one in docker's structs.
  if (value === null || value === undefined) return 0;
  throw new Error(`len of type ${goType(value)}`);
}

/** A key that a map has not gives the empty string, as in a map of strings, which is what docker's labels are. */
function index(value: Value, ...keys: Value[]): Value {
  let at = value;
  for (const key of keys) {
    if (at === null || at === undefined) throw new Error('index of nil pointer');
    if (Array.isArray(at)) at = at[checkIndex(key, at.length - 1)];
    else if (typeof at === 'string') {
      const bytes = Buffer.from(at);
      at = bytes[checkIndex(key, bytes.length - 1)];
    } else if (isMap(at)) at = Object.hasOwn(at, asText(key)) ? at[asText(key)] : '';
    else throw new Error(`can't index item of type ${goType(at)}`);
  }
  return at;
}

function checkIndex(key: Value, last: number): number {
  if (typeof key !== 'number') throw new Error(`cannot index slice/array with type ${goType(key)}`);
  if (!Number.isInteger(key) || key < 0 || key > last) throw new Error(`index out of range: ${key}`);
  return key;
}

function slice(value: Value, from: Value = 0, to?: Value): Value {
  if (typeof value !== 'string' && !Array.isArray(value)) throw new Error(`can't slice item of type ${goType(value)}`);
  const end = checkIndex(to ?? length(value), length(value));
  const start = checkIndex(from, end);
  return typeof value === 'string' ? Buffer.from(value).subarray(start, end).toString() : value.slice(start, end);
}

function equal(a: Value, b: Value): boolean {
  if (isNumber(a) && isNumber(b)) return Number(a) === Number(b) && exact(a) === exact(b);
  if (a === null || a === undefined || b === null || b === undefined) return (a ?? null) === (b ?? null);
  if (typeof a !== typeof b) throw new Error('incompatible types for comparison');
  if (typeof a === 'object') throw new Error(`non-comparable type: ${goType(a)}`);
  return a === b;
}

function compare(a: Value, b: Value): number {
  if (isNumber(a) && isNumber(b)) return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  throw new Error(typeof a === typeof b ? 'invalid type for comparison' : 'incompatible types for comparison');
}

function isNumber(value: Value): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function exact(value: number | bigint): bigint | number {
  return typeof value === 'number' && !Number.isInteger(value) ? value : BigInt(value);
}
