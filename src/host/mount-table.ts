/** What is mounted on this machine, as this process sees it (proc(5), mountinfo). */
import { readFileSync } from 'node:fs';

/** Mount points at a path and below it, the innermost and latest first: in this order they can be unmounted. */
export function mountsAt(path: string, table = readFileSync('/proc/self/mountinfo', 'utf8')): readonly string[] {
  const points = entries(table).map(([point]) => point);
  return points.filter((point) => point === path || path === '/' || point.startsWith(`${path}/`)).reverse();
}

/** Types whose answers come from another machine or from a program, and may never come. */
const ANSWERED_BY_OTHERS =
  /^(?:nfs4?|cifs|smb\w*|9p|virtiofs|ceph|afs|coda|lustre|gpfs|beegfs|orangefs|autofs|fuse(?:blk|\..*)?)$/;

/**
 * Where file systems are mounted on which any call may wait for ever: those of networks and of programs. The root is not among them:
 * nothing works without it. The kernel's table alone is read, which waits for nobody.
 */
export function mountsThatMayHang(table = readFileSync('/proc/self/mountinfo', 'utf8')): ReadonlySet<string> {
  return new Set(
    entries(table).flatMap(([point, type]) => (point !== '/' && ANSWERED_BY_OTHERS.test(type) ? [point] : [])),
  );
}

/** The mount point and the file system's type of every line. */
function entries(table: string): [point: string, type: string][] {
  return table.split('\n').flatMap((line): [string, string][] => {
    const [left = '', right = ''] = line.split(' - ');
    const point = left.split(' ')[4];
    if (point === undefined) return [];
    const plain = point.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
    return [[plain, right.split(' ')[0] ?? '']];
  });
}
