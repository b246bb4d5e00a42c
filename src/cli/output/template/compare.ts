/** Go's comparisons in templates. All throw Error with Go's reason. */
import { goType, print, type Value } from './values.ts';

/** `eq`: of the same kind, and neither a list nor a map; nothing equals nothing. */
export function equal(a: Value, b: Value): boolean {
  if (isNothing(a) || isNothing(b)) return isNothing(a) && isNothing(b);
  for (const value of [a, b]) {
    if (typeof value === 'object') throw new Error(`non-comparable type ${print(value)}: ${goType(value)}`);
  }
  if (kind(a) !== kind(b)) throw new Error('incompatible types for comparison');
  // An integer is a number or, when large, a bigint.
  return kind(a) === 'int' ? BigInt(a as number | bigint) === BigInt(b as number | bigint) : a === b;
}

/** `lt` and its like: less than 0 when the first comes first. Numbers, and texts by their letters. */
export function compare(a: Value, b: Value): number {
  const [one, other] = [kind(a), kind(b)];
  if (one !== other) throw new Error('incompatible types for comparison');
  if (one !== 'int' && one !== 'float64' && one !== 'string') throw new Error('invalid type for comparison');
  const [left, right] = [a as number | string, b as number | string];
  return left < right ? -1 : left > right ? 1 : 0;
}

function isNothing(value: Value): boolean {
  return value === null || value === undefined;
}

function kind(value: Value): string {
  return goType(value);
}
