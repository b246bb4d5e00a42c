/** Sizes, durations and times in docker's words (docker/go-units, Go's time.String). */

const SIZES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'];

/** A size in powers of 1000 with so many significant digits: `21.5MB`. Docker's lists use 3, its progress and totals 4. */
export function humanSize(bytes: bigint | number, precision = 4): string {
  let size = Number(bytes);
  let unit = 0;
  while (size >= 1000 && unit < SIZES.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${significant(size, precision)}${SIZES[unit]}`;
}

const BINARY_SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** A size in powers of 1024: `7.75GiB`. */
export function binarySize(bytes: bigint | number): string {
  let size = Number(bytes);
  let unit = 0;
  while (size >= 1024 && unit < BINARY_SIZES.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${significant(size, 4)}${BINARY_SIZES[unit]}`;
}

/** Go's %.Ng: so many significant digits, trailing zeros left out, an exponent where the number has more digits. */
function significant(value: number, precision: number): string {
  const text = value.toPrecision(precision);
  if (!text.includes('e')) return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  return text.replace(/\.?0*e\+?(-?)(\d)$/, 'e+$10$2').replace(/e\+-/, 'e-');
}

/** An approximate duration: `5 minutes`, `About an hour`. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(milliseconds / 3_600_000 + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.trunc(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.trunc(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24 / 30)} months`;
  return `${Math.trunc(Math.trunc(milliseconds / 3_600_000) / 24 / 365)} years`;
}

/** Milliseconds between a time in nanoseconds since the epoch and now, in milliseconds since the epoch. */
export function sinceNanos(nanoseconds: bigint, now: number): number {
  return now - Number(nanoseconds / 1_000_000n);
}

/** A time to the second in the local zone, as Go prints one: `2026-11-24 08:18:51 +0000 UTC`. */
export function goTime(nanoseconds: bigint): string {
  const date = new Date(Number(nanoseconds / 1_000_000n));
  const two = (n: number) => String(n).padStart(2, '0');
  const minutes = -date.getTimezoneOffset();
  const offset = `${minutes < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(minutes) / 60))}${two(Math.abs(minutes) % 60)}`;
  const zone = zoneName(date, offset);
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${offset} ${zone}`
  );
}

/** A time as Go prints one of UTC, with what there is of fractions: `2026-11-24 08:18:51.02 +0000 UTC`. */
export function goUtcTime(nanoseconds: bigint): string {
  const [day = '', time = ''] = new Date(Number(nanoseconds / 1_000_000n)).toISOString().split(/[T.]/);
  const fraction = String(nanoseconds % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${day} ${time}${fraction === '' ? '' : `.${fraction}`} +0000 UTC`;
}

/** `UTC`, `CET`; where the zone has no abbreviation Go repeats the offset. */
function zoneName(date: Date, offset: string): string {
  const name = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' })
    .formatToParts(date)
    .find((part) => part.type === 'timeZoneName')?.value;
  return name === undefined || name.startsWith('GMT') ? (offset === '+0000' ? 'UTC' : offset) : name;
}

/** RFC 3339 with all nine digits of nanoseconds in local time, as docker's events carry it. */
export function rfc3339NanoLocal(nanoseconds: bigint): string {
  const minutes = -new Date(Number(nanoseconds / 1_000_000n)).getTimezoneOffset();
  if (minutes === 0) return rfc3339Nano(nanoseconds);
  const two = (n: number) => String(n).padStart(2, '0');
  const offset = `${minutes < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  return rfc3339Nano(nanoseconds + BigInt(minutes) * 60_000_000_000n).replace('Z', offset);
}

/** RFC 3339 with all nine digits of nanoseconds in UTC, as docker's logs carry it. */
export function rfc3339Nano(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n;
  const fraction = String(nanoseconds % 1_000_000_000n).padStart(9, '0');
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}

/** RFC 3339 to the second in the local zone, as Go prints one: `2026-11-24T08:18:51Z`. */
export function rfc3339Seconds(nanoseconds: bigint): string {
  const whole = (nanoseconds / 1_000_000_000n) * 1_000_000_000n;
  return rfc3339NanoLocal(whole).replace('.000000000', '');
}
