/** Go's fmt.Sprintf, for the values that templates have. */
import { goQuote } from '../shorten.ts';
import { formatFloat, goType, isMap, kindOf, print, type Value } from './values.ts';

interface Form {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
}

/** Formats; what does not fit its verb is shown as Go shows it. */
export function sprintf(format: string, args: readonly Value[]): string {
  let next = 0;
  let reordered = false;
  const take = (index: string | undefined): Value => {
    if (index !== undefined) {
      next = Number(index) - 1;
      reordered = true;
    }
    return args[next++];
  };
  const text = format.replace(
    /%([-+# 0]*)(?:\[(\d+)\])?(\*|\d+)?(?:\.(?:\[(\d+)\])?(\*|\d*))?(?:\[(\d+)\])?([\s\S]?)/gu,
    (_all, flags: string, widthIndex, width, precisionIndex, precision, index, verb: string) => {
      // An index before the verb, with no width between, is the verb's.
      const own = index ?? (width === undefined ? widthIndex : undefined);
      const wide = width === '*' ? Number(take(widthIndex)) : Number(width ?? 0);
      const exact = precision === '*' ? Number(take(precisionIndex)) : Number(precision ?? 0);
      if (verb === '') return '%!(NOVERB)';
      if (verb === '%') return '%';
      if (own === undefined && next >= args.length) return `%!${verb}(MISSING)`;
      const value = take(own);
      if (next > args.length) return `%!${verb}(BADINDEX)`;
      const form = {
        flags: wide < 0 ? `${flags}-` : flags,
        width: Math.abs(wide),
        precision: precision === undefined ? undefined : exact,
      };
      return formatted(verb, value, form);
    },
  );
  const extra = args.slice(next).map((value) => (value == null ? '<nil>' : `${goType(value)}=${print(value)}`));
  return extra.length === 0 || reordered ? text : `${text}%!(EXTRA ${extra.join(', ')})`;
}

function formatted(verb: string, value: Value, form: Form): string {
  if (kindOf(value) === 'pointer') return formatted(verb, null, form);
  // Go applies a verb to every element.
  if (verb !== 'T' && verb !== 't' && Array.isArray(value))
    return `[${value.map((item) => formatted(verb, item, form)).join(' ')}]`;
  if (verb !== 'T' && isMap(value)) {
    const entries = Object.keys(value)
      .toSorted()
      .map((key) => `${formatted(verb, key, form)}:${formatted(verb, value[key], form)}`);
    return `map[${entries.join(' ')}]`;
  }
  const text = verbText(verb, value, form);
  if (text === undefined) return value == null ? `%!${verb}(<nil>)` : `%!${verb}(${goType(value)}=${print(value)})`;
  return fill(text, form);
}

/** undefined: the verb is none for such a value. */
function verbText(verb: string, value: Value, form: Form): string | undefined {
  if (verb === 'T') return goType(value);
  if (verb === 'v' && form.flags.includes('#') && typeof value === 'string') return goQuote(value);
  if (verb === 'v') return withSign(print(value), value, form);
  if (typeof value === 'string') return stringVerb(verb, value, form);
  if (typeof value === 'boolean') return verb === 't' ? String(value) : undefined;
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value)))
    return integerVerb(verb, BigInt(value), form);
  if (typeof value === 'number') return floatVerb(verb, value, form);
  return undefined;
}

function stringVerb(verb: string, value: string, { flags, precision }: Form): string | undefined {
  const cut = precision === undefined ? value : [...value].slice(0, precision).join('');
  if (verb === 's') return cut;
  if (verb === 'q') return flags.includes('#') && !/[`\p{Cc}]/u.test(cut) ? `\`${cut}\`` : goQuote(cut);
  if (verb !== 'x' && verb !== 'X') return undefined;
  const bytes = [...Buffer.from(cut)].map((byte) => byte.toString(16).padStart(2, '0'));
  const mark = flags.includes('#') ? '0x' : '';
  const hex = flags.includes(' ') ? bytes.map((byte) => mark + byte).join(' ') : mark + bytes.join('');
  return verb === 'x' ? hex : hex.toUpperCase();
}

const BASES: Readonly<Record<string, readonly [base: number, prefix: string]>> = {
  d: [10, ''],
  b: [2, '0b'],
  o: [8, '0'],
  O: [8, ''],
  x: [16, '0x'],
  X: [16, '0x'],
};

function integerVerb(verb: string, value: bigint, form: Form): string | undefined {
  const character = () => (value >= 0n && value <= 0x10ffffn ? String.fromCodePoint(Number(value)) : '\ufffd');
  if (verb === 'c') return character();
  if (verb === 'q') return `'${character() === "'" ? "\\'" : goQuote(character()).slice(1, -1).replace('\\"', '"')}'`;
  if (verb === 'U') return `U+${value.toString(16).toUpperCase().padStart(4, '0')}`;
  const [base, prefix] = BASES[verb] ?? [];
  if (base === undefined) return undefined;
  const digits = (value < 0n ? -value : value).toString(base).padStart(form.precision ?? 0, '0');
  const mark = verb === 'O' ? '0o' : form.flags.includes('#') ? prefix : '';
  const text = `${value < 0n ? '-' : ''}${mark}${digits}`;
  return withSign(verb === 'X' ? text.toUpperCase() : text, value, form);
}

function floatVerb(verb: string, value: number, form: Form): string | undefined {
  const { precision } = form;
  switch (verb) {
    case 'f':
    case 'F':
      return withSign(fixed(value, precision ?? 6), value, form);
    case 'e':
    case 'E': {
      const text = value.toExponential(precision ?? 6).replace(/e([+-])(\d)$/, 'e$10$2');
      return withSign(verb === 'e' ? text : text.toUpperCase(), value, form);
    }
    case 'g':
    case 'G': {
      const text = formatFloat(value, precision);
      return withSign(verb === 'g' ? text : text.toUpperCase(), value, form);
    }
    default:
      return undefined;
  }
}

/** Rounds to even where the number lies exactly between two, which toFixed does not. */
function fixed(value: number, digits: number): string {
  const exact = value.toFixed(Math.min(100, digits + 60));
  const point = exact.indexOf('.') + 1 + digits;
  const tie = /^50*$/.test(exact.slice(point).replace('.', ''));
  const before = exact.slice(0, point).replace('.', '');
  if (!tie || Number(before.at(-1)) % 2 === 1) return value.toFixed(digits);
  return digits === 0 ? exact.slice(0, point - 1) : exact.slice(0, point);
}

function withSign(text: string, value: Value, { flags }: Form): string {
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  if (!isNumber || text.startsWith('-')) return text;
  if (flags.includes('+')) return `+${text}`;
  return flags.includes(' ') ? ` ${text}` : text;
}

function fill(text: string, { flags, width }: Form): string {
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes('-')) return text + ' '.repeat(missing);
  if (!flags.includes('0')) return ' '.repeat(missing) + text;
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  return sign + '0'.repeat(missing) + text.slice(sign.length);
}
