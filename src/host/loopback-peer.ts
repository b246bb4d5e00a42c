/** Who is at the other end of a TCP connection on loopback (proc(5): /proc/net/tcp, /proc/PID/fd). */
import { readdir, readFile, readlink } from 'node:fs/promises';
import type { Socket } from 'node:net';

/** Columns of a line of /proc/net/tcp, parted by blanks: number, local and remote address, state, queues, timer, resends, uid, timeout. */
const INODE_COLUMN = 9;

/**
 * Whether the other end of an accepted IPv4 connection is held open by one of these processes. False as well when it has gone, or
 * lies in another network namespace.
 */
export async function isHeldBy(socket: Socket, pids: readonly number[]): Promise<boolean> {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (localAddress === undefined || remoteAddress === undefined) return false;
  // The other end's line has both addresses the other way round.
  const wanted = ` ${inHex(remoteAddress, remotePort)} ${inHex(localAddress, localPort)} `;
  // That of the thread which reads: the main thread is in other network namespaces at times (netns.ts), /proc/net with it.
  const table = await readFile('/proc/thread-self/net/tcp', 'latin1');
  const at = table.indexOf(wanted);
  if (at === -1) return false;
  const start = table.lastIndexOf('\n', at) + 1;
  const end = table.indexOf('\n', at);
  const inode = table
    .slice(start, end === -1 ? undefined : end)
    .trim()
    .split(/ +/)[INODE_COLUMN];
  // What nobody holds any more has the inode 0.
  if (inode === undefined || inode === '0') return false;
  for (const pid of pids) if (await holds(pid, `socket:[${inode}]`)) return true;
  return false;
}

async function holds(pid: number, link: string): Promise<boolean> {
  const directory = `/proc/${pid}/fd`;
  try {
    const links = await Promise.all((await readdir(directory)).map((fd) => readlink(`${directory}/${fd}`).catch(gone)));
    return links.includes(link);
  } catch (error) {
    gone(error);
    return false;
  }
}

/** A process or a descriptor that ended meanwhile holds nothing; nor does one, to our knowledge, that we may not look at. */
function gone(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOENT' && code !== 'ESRCH' && code !== 'EACCES') throw error;
  return undefined;
}

/** An address as the kernel writes it: the bytes of a number in the host's order, little-endian on all machines that k3c runs on. */
function inHex(address: string, port: number | undefined): string {
  const bytes = address.replace(/^::ffff:/, '').split('.');
  const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0');
  return `${bytes
    .reverse()
    .map((byte) => hex(Number(byte), 2))
    .join('')}:${hex(port ?? 0, 4)}`;
}
