/**
 * Interfaces of containers that no row tells of: a daemon was killed between the interface and the row, in `network connect` or `disconnect`.
 * Their addresses are free for others, so they must not stay as long as their container runs.
 */
import { isNetlinkError } from '../../../host/netlink/error.ts';
import { deleteLink, listLinks } from '../../../host/netlink/rtnetlink.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import { useNetns } from '../../../host/netns.ts';
import type { Bridge } from './bridge.ts';

/** A namespace, and the interfaces on these bridges that it rightly has; undefined: whatever it has. */
export interface Place {
  readonly netns: string;
  readonly interfaces: readonly string[] | undefined;
}

/** As plug() names the host's ends. What users put on a bridge themselves is theirs. */
const HOST_END = /^veth[0-9a-f]{8}$/;

/**
 * Takes away the ports of these bridges that lead to none of these places. Synchronous, and to be called before anything is plugged in.
 * Returns how many there were.
 */
export function removeStrayPorts(route: NetlinkSocket, bridges: readonly Bridge[], places: readonly Place[]): number {
  const indices = new Set(bridges.map(({ index }) => index));
  const ports = listLinks(route).filter(({ master, name }) => indices.has(master) && HOST_END.test(name));
  if (ports.length === 0) return 0;
  const known = new Set(places.flatMap(hostEnds));
  const strays = ports.filter(({ index }) => !known.has(index));
  for (const { index } of strays) remove(route, index);
  return strays.length;
}

function hostEnds({ netns, interfaces }: Place): number[] {
  try {
    return (
      useNetns(netns, ({ route }) => listLinks(route))
        .filter(({ name }) => interfaces === undefined || interfaces.includes(name))
        // The kernel leaves out a number that is the interface's own.
        .map(({ index, peer }) => peer || index)
    );
  } catch (error) {
    // The process has ended meanwhile (ESRCH: while it was opened), or a daemon died between the file and the mount (EINVAL).
    if (['ENOENT', 'ESRCH', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

function remove(route: NetlinkSocket, index: number): void {
  try {
    route.exchange(deleteLink(index));
  } catch (error) {
    // It went with its namespace.
    if (!isNetlinkError(error, 'ENODEV')) throw error;
  }
}
