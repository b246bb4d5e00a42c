/** The functions of templates: Go's own and docker's. `and` and `or` are the evaluator's: they stop at the first that decides. */
import { compare, equal } from './compare.ts';
import { sprintf } from './printf.ts';
import { goType, isMap, isTrue, kindOf, print, toJson, type Value } from './values.ts';

/** What a parameter takes; `strings` is a list. */
export type Parameter = 'any' | 'string' | 'int' | 'strings';

export interface TemplateFunction {
  readonly parameters: readonly Parameter[];
  /** Of any further arguments; absent: there are none. */
  readonly rest?: Parameter;
  /** Called with as many arguments as it takes, of the right types. Throws Error with Go's reason. */
  readonly call: (...args: Value[]) => Value;
}

const of = (parameters: readonly Parameter[], call: TemplateFunction['call'], rest?: Parameter): TemplateFunction => ({
  parameters,
  call,
  ...(rest === undefined ? {} : { rest }),
});
/** A function of one text. */
const onText = (change: (text: string) => string) => of(['string'], (text) => change(text as string));

/** What docker's templates may call. */
export const functions: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['json', of(['any'], (value) => toJson(value))],
  ['split', of(['string', 'string'], (text, separator) => (text as string).split(separator as string))],
  [
    'join',
    of(['strings', 'string'], (list, separator) => ((list ?? []) as Value[]).map(print).join(separator as string)),
  ],
  ['title', onText(title)],
  ['lower', onText((text) => text.toLowerCase())],
  ['upper', onText((text) => text.toUpperCase())],
  ['pad', of(['string', 'int', 'int'], (text, before, after) => pad(text as string, Number(before), Number(after)))],
  ['truncate', of(['string', 'int'], (text, length) => truncate(text as string, Number(length)))],
  ['print', of([], sprint, 'any')],
  ['printf', of(['string'], (format, ...args) => sprintf(format as string, args), 'any')],
  ['println', of([], (...args) => `${args.map(print).join(' ')}\n`, 'any')],
  ['len', of(['any'], length)],
  ['index', of(['any'], index, 'any')],
  ['slice', of(['any'], slice, 'any')],
  ['not', of(['any'], (value) => !isTrue(value))],
  ['eq', of(['any'], eq, 'any')],
  ['ne', of(['any', 'any'], (a, b) => !equal(a, b))],
  ['lt', of(['any', 'any'], (a, b) => compare(a, b) < 0)],
  ['le', of(['any', 'any'], (a, b) => compare(a, b) <= 0)],
  ['gt', of(['any', 'any'], (a, b) => compare(a, b) > 0)],
  ['ge', of(['any', 'any'], (a, b) => compare(a, b) >= 0)],
  ['html', of([], (...args) => escapeLetters(sprint(...args), /[&<>"'\0]/g, HTML), 'any')],
  ['js', of([], (...args) => escapeLetters(sprint(...args), /[\\'"<>&=\p{Cc}]/gu, JS), 'any')],
  ['urlquery', of([], (...args) => urlQuery(sprint(...args)), 'any')],
]);

/** The same for a table's header line: what works on a name leaves it as it is. */
export const headerFunctions: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ...functions,
  ...['json', 'lower', 'upper', 'title'].map((name): [string, TemplateFunction] => [name, onText((text) => text)]),
  ['split', of(['string', 'string'], (text) => text)],
  ['join', of(['string', 'string'], (text) => text)],
  ['truncate', of(['string', 'int'], (text) => text)],
]);

/** strings.Title: what follows anything but a letter, digit or underscore begins a word; beyond ASCII only white space does. */
function title(text: string): string {
  return text.replace(
    /(^|[\0-/:-@[-^`{-\x7f\s])(\p{Ll})/gu,
    (_all, before: string, letter: string) => before + letter.toUpperCase(),
  );
}

function pad(text: string, before: number, after: number): string {
  return text === '' ? '' : ' '.repeat(Math.max(0, before)) + text + ' '.repeat(Math.max(0, after));
}

/** In bytes, as docker cuts. */
function truncate(text: string, length: number): string {
  if (length < 0) throw new Error(`runtime error: slice bounds out of range [:${length}]`);
  return Buffer.from(text).subarray(0, length).toString();
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

function length(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (isMap(value)) return Object.keys(value).length;
  // A list that JSON says is null is an empty one in docker's structs; what is nowhere is an error.
  if (value === null) return 0;
  if (value === undefined) throw new Error('reflect: call of reflect.Value.Type on zero Value');
  throw new Error(`len of type ${goType(value)}`);
}

function index(value: Value, ...keys: Value[]): Value {
  let at = value;
  for (const [i, key] of keys.entries()) {
    if (at === null || at === undefined) throw new Error(i === 0 ? 'index of untyped nil' : 'index of nil pointer');
    if (Array.isArray(at)) at = at[checkIndex(key, at.length - 1)];
    else if (typeof at === 'string') {
      const bytes = Buffer.from(at);
      at = bytes[checkIndex(key, bytes.length - 1)];
    } else if (isMap(at)) at = entry(at, key);
    else throw new Error(`can't index item of type ${goType(at)}`);
  }
  return at;
}

/** What a map has not is the empty string in a map of strings, which is what docker's labels are, and nothing in others. */
function entry(map: Record<string, unknown>, key: Value): Value {
  if (typeof key !== 'string') throw new Error(`value has type ${goType(key)}; should be string`);
  if (Object.hasOwn(map, key)) return map[key];
  return kindOf(map) === 'map' ? undefined : '';
}

function checkIndex(key: Value, last: number): number {
  if (typeof key !== 'number') throw new Error(`cannot index slice/array with type ${goType(key)}`);
  if (!Number.isInteger(key) || key < 0 || key > last + 1) throw new Error(`index out of range: ${key}`);
  // Go finds out about the first one behind the end only in reflection.
  if (key > last) throw new Error('reflect: slice index out of range');
  return key;
}

function slice(value: Value, ...bounds: Value[]): Value {
  if (typeof value !== 'string' && !Array.isArray(value)) throw new Error(`can't slice item of type ${goType(value)}`);
  if (bounds.length > 3) throw new Error(`too many slice indexes: ${bounds.length}`);
  if (typeof value === 'string' && bounds.length === 3) throw new Error('cannot 3-index slice a string');
  const whole = length(value);
  const [from = 0, to = whole] = bounds.map((bound) => sliceBound(bound, whole));
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`);
  return typeof value === 'string' ? Buffer.from(value).subarray(from, to).toString() : value.slice(from, to);
}

function sliceBound(key: Value, last: number): number {
  if (typeof key !== 'number') throw new Error(`cannot index slice/array with type ${goType(key)}`);
  if (!Number.isInteger(key) || key < 0 || key > last) throw new Error(`index out of range: ${key}`);
  return key;
}

function eq(first: Value, ...others: Value[]): boolean {
  if (others.length === 0) throw new Error('missing argument for comparison');
  return others.some((other) => equal(first, other));
}

const HTML: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
  '\0': '\ufffd',
};
const JS: Readonly<Record<string, string>> = { '\\': '\\\\', "'": "\\'", '"': '\\"' };

function escapeLetters(text: string, letters: RegExp, named: Readonly<Record<string, string>>): string {
  return text.replace(
    letters,
    (letter) => named[letter] ?? `\\u${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`,
  );
}

/** url.QueryEscape */
function urlQuery(text: string): string {
  const encoded = encodeURIComponent(text).replaceAll('%20', '+');
  return encoded.replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);
}
