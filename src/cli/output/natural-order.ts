/** Compares texts so that runs of digits count as numbers: `80/tcp` before `443/tcp`. For Array.prototype.sort. */
export function compareNaturally(a: string, b: string): number {
  const left = a.split(/(\d+)/);
  const right = b.split(/(\d+)/);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [one = '', other = ''] = [left[i], right[i]];
    // Every second piece is a run of digits.
    const difference = i % 2 === 1 ? Number(one) - Number(other) : 0;
    if (difference !== 0) return difference;
    if (one !== other) return one < other ? -1 : 1;
  }
  return left.length - right.length;
}
