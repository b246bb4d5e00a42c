/** What is mounted on this machine, as this process sees it (proc(5), mountinfo). */
import { readFileSync } from 'node:fs';

/** Mount points at a path and below it, the innermost and latest first: in this order they can be unmounted. */
export function mountsAt(path: string, table = readFileSync('/proc/self/mountinfo', 'utf8')): readonly string[] {
  const points = table.split('\n').flatMap((line) => mountPoint(line) ?? []);
  return points.filter((point) => point === path || path === '/' || point.startsWith(`${path}/`)).reverse();
}

/** Lines of types whose answers come from another machine or from a program, and may never come. */
const ANSWERED_BY_OTHERS =
  / - (?:nfs4?|cifs|smb\w*|9p|virtiofs|ceph|afs|coda|lustre|gpfs|beegfs|orangefs|autofs|fuse(?:blk|\.\S*)?) /;

/**
 * Where file systems are mounted on which any call may wait for ever: those of networks and of programs. The root is not among them:
 * nothing works without it. The kernel's table alone is read, which waits for nobody.
 */
export function mountsThatMayHang(table = readFileSync('/proc/self/mountinfo', 'utf8')): ReadonlySet<string> {
  // There are thousands of mounts on a machine with many containers, and mostly none of these.
  const lines = ANSWERED_BY_OTHERS.test(table) ? table.split('\n').filter((line) => ANSWERED_BY_OTHERS.test(line)) : [];
  return new Set(lines.flatMap((line) => mountPoint(line) ?? []).filter((point) => point !== '/'));
}

/** The mount point of a line, undefined for an empty one. */
function mountPoint(line: string): string | undefined {
  const point = line.split(' ', 5)[4];
  return point?.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
}
