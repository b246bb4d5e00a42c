/** Points in time and durations as docker takes them (`--since`, `--until`). */

const NANOSECONDS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Nanoseconds of a Go duration (`1h30m`, `-1.5s`, `0`); undefined where it is none. */
export function parseDuration(text: string): bigint | undefined {
  if (/^[+-]?0$/.test(text)) return 0n;
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text);
  if (match === null) return undefined;
  let sum = 0;
  for (const [, number = '', unit = ''] of (match[2] ?? '').matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    sum += Number(number) * (NANOSECONDS[unit] ?? 0);
  }
  return BigInt(Math.round(match[1] === '-' ? -sum : sum));
}

const DATE = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?)?(Z|[+-]\d\d:\d\d)?$/;

/**
 * Nanoseconds since the epoch of a time: seconds since the epoch (`1136073600.000000001`), a date in docker's forms of RFC 3339
 * (in local time where it names no zone), or a duration before now.
 * @param now milliseconds since the epoch
 * Throws Error with docker's sentence.
 */
export function parseTime(text: string, now: number): bigint {
  const duration = parseDuration(text);
  if (duration !== undefined && !/^\d+$/.test(text)) return BigInt(now) * 1_000_000n - duration;
  const seconds = /^(\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (seconds !== null) {
    return BigInt(seconds[1] ?? '0') * 1_000_000_000n + BigInt((seconds[2] ?? '').padEnd(9, '0'));
  }
  const date = DATE.exec(text);
  if (date === null) throw new Error(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = ''] = date;
  const whole = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
  if (Number.isNaN(whole)) throw new Error(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
