/** What is mounted on this machine, as this process sees it (proc(5), mountinfo). */
import { readFileSync } from 'node:fs';

/** Mount points at a path and below it, the innermost and latest first: in this order they can be unmounted. */
export function mountsAt(path: string, table = readFileSync('/proc/self/mountinfo', 'utf8')): readonly string[] {
  const points = table.split('\n').flatMap((line) => {
    const point = line.split(' ')[4];
    return point === undefined
      ? []
      : [point.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)))];
  });
  return points.filter((point) => point === path || path === '/' || point.startsWith(`${path}/`)).reverse();
}
