/** Makers of flags. A parser throws an Error with the reason; the user sees pflag's sentence around it. */
import { Option } from 'commander';
import { invalidValue } from '../arguments.ts';

/** A flag without a value: `-d, --detach`. */
export function flag(flags: string, description: string): Option {
  return new Option(flags, description);
}

/** A flag without a value that is on unless it is given as `=false`. */
export function flagOn(flags: string, description: string): Option {
  return new Option(flags, description).default(true);
}

/** A flag that takes one value, the last one given: `--name <string>`. */
export function value<T = string>(flags: string, description: string, parse?: (text: string) => T): Option {
  return new Option(flags, description).argParser((text: string) => parsed(flags, text, parse));
}

/** A flag that may be repeated; its value is the list of what was given, absent when it was not. */
export function values<T = string>(flags: string, description: string, parse?: (text: string) => T): Option {
  return new Option(flags, description).argParser((text: string, before: readonly unknown[] | undefined) => [
    ...(before ?? []),
    parsed(flags, text, parse),
  ]);
}

/** Another name of a flag, which help does not tell of: what is given by either counts as one list. */
export function otherName(of: Option, flags: string): Option {
  const other = new Option(flags).argParser((text, before) => of.parseArg?.(text, before)).hideHelp();
  other.attributeName = () => of.attributeName();
  return other;
}

function parsed<T>(flags: string, text: string, parse: ((text: string) => T) | undefined): T | string {
  if (parse === undefined) return text;
  try {
    return parse(text);
  } catch (error) {
    throw invalidValue(flags, text, (error as Error).message);
  }
}
