/** Nanoseconds since the epoch as RFC 3339 with what is not zero of the fraction; docker's zero time for never (0). */
export function isoTime(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0001-01-01T00:00:00Z';
  const seconds = new Date(Number(nanoseconds / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  const fraction = String(nanoseconds % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return fraction === '' ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}
