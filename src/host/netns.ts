/**
 * Network namespaces. A thread that makes or enters one is in it for as long as it takes, which is never longer than one
 * synchronous act: no other code of ours runs meanwhile, and a thread or child that is started would be in there too.
 */
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { mount, openNetlinkSocket, setns, unmount, unshare } from './libc.ts';
import { NetlinkSocket } from './netlink/socket.ts';
import { setSysctl } from './sysctl.ts';

const CLONE_NEWNET = 0x40000000;
const MS_BIND = 4096;
const MNT_DETACH = 2;
const NETLINK_ROUTE = 0;
/** Answers about a handful of interfaces. */
const BUFFER_BYTES = 64 << 10;
const OWN = '/proc/thread-self/ns/net';

/** Makes a network namespace with nothing but a loopback device that is down. The file keeps it until removeNetns(). */
export function makeNetns(path: string): void {
  writeFileSync(path, '', { flag: 'wx', mode: 0o444 });
  try {
    away(() => {
      unshare(CLONE_NEWNET);
      mount(OWN, path, 'none', MS_BIND, '');
    });
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

/** Lets go of it: it ends with its last process, and its interfaces with it. A file that is gone is fine. */
export function removeNetns(path: string): void {
  try {
    unmount(path, MNT_DETACH);
  } catch (error) {
    // EINVAL: a daemon died between the file and the mount.
    if (!['ENOENT', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  rmSync(path, { force: true });
}

export interface EnteredNetns {
  /** Links, addresses and routes of the namespace. */
  readonly route: NetlinkSocket;
  /** An open file of the namespace. */
  readonly fd: number;
  /** Sets kernel settings of the namespace (paths below /proc/sys, such as net/ipv6/conf/eth0/accept_ra) that are not so already. */
  readonly sysctl: (settings: Readonly<Record<string, string>>) => void;
}

/** Does something synchronous with a namespace, from outside of it. Throws ENOENT when it is gone. */
export function useNetns<T>(path: string, act: (netns: EnteredNetns) => T): T {
  const fd = openSync(path, 'r');
  try {
    const socket = away(() => {
      setns(fd, CLONE_NEWNET);
      return openNetlinkSocket(NETLINK_ROUTE);
    });
    try {
      const sysctl = (settings: Readonly<Record<string, string>>) =>
        away(() => {
          setns(fd, CLONE_NEWNET);
          for (const [path, value] of Object.entries(settings)) setSysctl(path, value);
        });
      return act({ route: new NetlinkSocket(socket, BUFFER_BYTES), fd, sysctl });
    } finally {
      closeSync(socket);
    }
  } finally {
    closeSync(fd);
  }
}

/** Comes back to where the thread was, whatever happens. */
function away<T>(act: () => T): T {
  const home = openSync(OWN, 'r');
  try {
    return act();
  } finally {
    try {
      setns(home, CLONE_NEWNET);
    } catch {
      // Everything that follows would happen in a container's network: better none at all, and a new daemon.
      process.abort();
    }
    closeSync(home);
  }
}
