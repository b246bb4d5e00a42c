/** Go's durations, as pflag takes them (time.ParseDuration). */

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const LARGEST = (1n << 63n) - 1n;

/** Nanoseconds of `1h30m`, `-1.5s`, `0`. Throws Error with Go's sentence. */
export function parseGoDuration(text: string): bigint {
  const invalid = () => new Error(`time: invalid duration ${JSON.stringify(text)}`);
  const [, sign = '', amount = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (amount === '0') return 0n;
  if (amount === '') throw invalid();
  let sum = 0n;
  for (let rest = amount; rest !== ''; ) {
    const [all = '', whole = '', point, fraction = ''] = /^(\d*)(\.(\d*))?/.exec(rest) ?? [];
    if (whole === '' && fraction === '') throw invalid();
    rest = rest.slice(all.length);
    const unit = /^[^.\d]*/.exec(rest)?.[0] ?? '';
    if (unit === '') throw new Error(`time: missing unit in duration ${JSON.stringify(text)}`);
    const scale = UNITS[unit];
    if (scale === undefined)
      throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`);
    rest = rest.slice(unit.length);
    sum += BigInt(whole || '0') * scale;
    if (point !== undefined) sum += (BigInt(fraction || '0') * scale) / 10n ** BigInt(fraction.length);
    if (sum > LARGEST) throw invalid();
  }
  return sign === '-' ? -sum : sum;
}
