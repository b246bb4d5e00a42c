/**
 * Arguments as docker reads them (spf13/pflag): `--flag=value`, `--flag value`, `-it`, `-p8080:80`, `-p=8080:80`, `--rm=false`; a
 * flag's value may begin with a dash; `--` ends the flags. commander knows the flags and keeps their values; its own reading of
 * booleans and of `=` is another, so it is given only what was read here.
 */
import type { Command, Option } from 'commander';
import { UsageError } from './errors.ts';

export interface Arguments {
  readonly operands: readonly string[];
  /** Flags that take a value, each as one argument for commander. */
  readonly valued: readonly string[];
  /** Flags that take none, with the last value each was given. */
  readonly switches: ReadonlyMap<Option, boolean>;
  /** `--help`, or `-h` where the command has no such flag. */
  readonly help: boolean;
}

/**
 * Reads a command's arguments. Throws UsageError with pflag's sentences.
 * @param optionsFirst whether options end at the first operand
 */
export function readArguments(command: Command, argv: readonly string[], optionsFirst: boolean): Arguments {
  const operands: string[] = [];
  const valued: string[] = [];
  const switches = new Map<Option, boolean>();
  let help = false;
  const long = (name: string) => command.options.find((option) => option.long === `--${name}`);
  const short = (letter: string) => command.options.find((option) => option.short === `-${letter}`);
  const key = (option: Option) => option.long ?? option.short ?? '';
  const set = (option: Option, value: string | undefined) => {
    if (option.required) valued.push(`${key(option)}=${value ?? ''}`);
    else if (option.optional) valued.push(value === undefined ? key(option) : `${key(option)}=${value}`);
    else switches.set(option, value === undefined ? true : parseBool(value, option));
  };

  let i = 0;
  const next = () => (i + 1 < argv.length ? argv[++i] : undefined);
  const readLong = (argument: string) => {
    const equals = argument.indexOf('=');
    const name = argument.slice(2, equals < 0 ? undefined : equals);
    if (name === '' || name.startsWith('-')) throw new UsageError(`bad flag syntax: ${argument}`);
    const option = long(name);
    if (option === undefined) {
      if (name !== 'help') throw new UsageError(`unknown flag: --${name}`);
      help = true;
      return;
    }
    if (equals >= 0) return set(option, argument.slice(equals + 1));
    if (!option.required) return set(option, undefined);
    const value = next();
    if (value === undefined) throw new UsageError(`flag needs an argument: --${name}`);
    set(option, value);
  };
  const readShort = (argument: string) => {
    for (let at = 1; at < argument.length; at++) {
      const letter = argument[at] ?? '';
      const rest = argument.slice(at + 1);
      const option = short(letter);
      if (option === undefined) {
        if (letter !== 'h') throw new UsageError(`unknown shorthand flag: '${letter}' in -${argument.slice(at)}`);
        help = true;
        return;
      }
      if (rest.startsWith('=')) return set(option, rest.slice(1));
      if (!option.required) {
        set(option, undefined);
        continue;
      }
      const value = rest === '' ? next() : rest;
      if (value === undefined) {
        throw new UsageError(`flag needs an argument: '${letter}' in -${argument.slice(at)}`);
      }
      return set(option, value);
    }
  };

  for (; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    if (argument === '--') {
      operands.push(...argv.slice(i + 1));
      break;
    }
    if (argument.startsWith('--')) readLong(argument);
    else if (argument.startsWith('-') && argument.length > 1) readShort(argument);
    else {
      operands.push(argument);
      if (optionsFirst) {
        operands.push(...argv.slice(i + 1));
        break;
      }
    }
  }
  return { operands, valued, switches, help };
}

/** Hands what was read to commander and returns the values by its names. */
export function optionValues(command: Command, read: Arguments): Record<string, unknown> {
  command.parse([...read.valued], { from: 'user' });
  for (const [option, value] of read.switches) {
    command.setOptionValueWithSource(option.attributeName(), option.negate ? !value : value, 'cli');
  }
  return command.opts();
}

/** The sentence for a value that a flag does not take, as pflag has it. */
export function invalidValue(flags: string, value: string, reason: string): UsageError {
  const names = flags.replace(/\s*[<[].*$/, '');
  return new UsageError(`invalid argument ${JSON.stringify(value)} for "${names}" flag: ${reason}`);
}

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

/** A boolean as Go's strconv.ParseBool takes it. */
function parseBool(value: string, option: Option): boolean {
  if (TRUE.has(value)) return true;
  if (FALSE.has(value)) return false;
  throw invalidValue(option.flags, value, `strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
}
