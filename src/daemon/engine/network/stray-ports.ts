/**
 * Interfaces of containers that no row tells of: a daemon was killed between the interface and the row, in `network connect` or `disconnect`.
 * Their addresses are free for others, so they must not stay as long as their container runs.
 */
import { statSync } from 'node:fs';
import { deleteLink, type Link, listLinks } from '../../../host/netlink/rtnetlink.ts';
import type { NetlinkSocket } from '../../../host/netlink/socket.ts';
import { useNetns } from '../../../host/netns.ts';
import type { Bridge } from './bridge.ts';

/** A namespace, and all interfaces that we or the network plugin have in it by right. */
export interface Place {
  readonly netns: string;
  readonly interfaces: readonly string[];
}

const OWN = '/proc/self/ns/net';
/** As plug() and the plugin name the host's ends, and the others. */
const HOST_END = /^veth[0-9a-f]{8}$/;
const INSIDE = /^eth\d+$/;

/**
 * Takes away the interfaces in these places that lead to one of these bridges and are not theirs by right; what containers and others made
 * there stays. Synchronous: 0.2 ms a place, and one list of links where no bridge has more ports than there are interfaces. To be called
 * before anything is plugged in. Returns how many there were.
 */
export function removeStrayPorts(route: NetlinkSocket, bridges: readonly Bridge[], places: readonly Place[]): number {
  const indices = new Set(bridges.map(({ index }) => index));
  const ports = listLinks(route).filter(({ master, name }) => indices.has(master) && HOST_END.test(name));
  if (ports.length <= places.reduce((count, { interfaces }) => count + interfaces.length, 0)) return 0;
  const ends = new Map(ports.map((port) => [port.index, peerOf(port)]));
  const isOurs = (link: Link) => INSIDE.test(link.name) && ends.get(peerOf(link)) === link.index;
  return places.reduce((count, place) => count + removeFrom(place, isOurs), 0);
}

function removeFrom({ netns, interfaces }: Place, isOurs: (link: Link) => boolean): number {
  try {
    if (isHosts(netns)) return 0;
    return useNetns(netns, ({ route }) => {
      const strays = listLinks(route).filter((link) => !interfaces.includes(link.name) && isOurs(link));
      for (const { index } of strays) route.exchange(deleteLink(index));
      return strays.length;
    });
  } catch (error) {
    // The process has ended meanwhile (ESRCH: while it was opened), or a daemon died between the file and the mount (EINVAL).
    if (['ENOENT', 'ESRCH', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) return 0;
    throw error;
  }
}

/** Nothing in there is a container's. */
function isHosts(netns: string): boolean {
  const [one, other] = [statSync(netns), statSync(OWN)];
  return one.ino === other.ino && one.dev === other.dev;
}

/** The kernel leaves the number out where both ends have the same. */
function peerOf({ index, peer }: Link): number {
  return peer || index;
}
