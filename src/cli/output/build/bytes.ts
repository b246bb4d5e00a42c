/** Byte counts as BuildKit's views print them: two decimals from a kilobyte (of 1000) on, whole bytes below. */
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

export function formatBytes(count: number): string {
  let unit = 0;
  let value = count;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${count}B` : `${value.toFixed(2)}${UNITS[unit]}`;
}

/** `1.23MB / 4.56MB`, `1.23MB` where the total is unknown, empty for nothing at all. */
export function formatProgress(current: number, total: number): string {
  if (total !== 0) return `${formatBytes(current)} / ${formatBytes(total)}`;
  return current === 0 ? '' : formatBytes(current);
}
