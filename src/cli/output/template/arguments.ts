/** Whether arguments fit a function, with Go's sentences for those that do not. */
import type { Parameter, TemplateFunction } from './functions.ts';
import type { Operand } from './tree.ts';
import { goType, kindOf, print, type Value } from './values.ts';

export interface Argument {
  /** Absent for what comes out of the pipeline. */
  readonly operand: Operand | undefined;
  readonly value: Value;
}

/** The sentence for a wrong number of arguments; undefined when it is right. */
export function wrongCount(name: string, { parameters, rest }: TemplateFunction, count: number): string | undefined {
  const least = parameters.length;
  if (count >= least && (rest !== undefined || count === least)) return undefined;
  return `wrong number of args for ${name}: want ${rest === undefined ? '' : 'at least '}${least} got ${count}`;
}

/** The sentence for the first argument of a wrong type, and its operand. */
export function wrongType(
  { parameters, rest }: TemplateFunction,
  args: readonly Argument[],
): { readonly reason: string; readonly operand: Operand | undefined } | undefined {
  for (const [i, { operand, value }] of args.entries()) {
    const reason = mismatch(parameters[i] ?? rest ?? 'any', value, operand?.head.kind === 'value');
    if (reason !== undefined) return { reason, operand };
  }
  return undefined;
}

const GO_TYPES = { string: 'string', int: 'int', strings: '[]string' } as const;

function mismatch(parameter: Parameter, value: Value, constant: boolean): string | undefined {
  if (parameter === 'any' || fits(parameter, value)) return undefined;
  const type = GO_TYPES[parameter];
  if (value === null || value === undefined) return `invalid value; expected ${type}`;
  if (constant && parameter !== 'strings')
    return `expected ${parameter === 'int' ? 'integer' : 'string'}; found ${typeof value === 'string' ? JSON.stringify(value) : print(value)}`;
  return `wrong type for value; expected ${type}; got ${goType(value)}`;
}

function fits(parameter: Exclude<Parameter, 'any'>, value: Value): boolean {
  if (parameter === 'string') return typeof value === 'string';
  if (parameter === 'int') return goType(value) === 'int';
  // A list that is not there is an empty one.
  return Array.isArray(value) || value === null || kindOf(value) === 'nil';
}
