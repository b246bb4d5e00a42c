/**
 * Shims that no containerd can find again. containerd writes into a shim's bundle how to reach it (bootstrap.json) once the
 * shim has told it; killed before, it leaves a process that the next one knows nothing of. Such a shim has no task yet: tasks
 * are made over the connection that was never told.
 */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NAMESPACE } from './containerd.ts';

const SHIM = /\/containerd-shim-runc-v2$/;
const ROUND_MS = 5;
/** SIGKILL takes effect at once, but for a process that is stuck in the kernel; that one must not hold up the daemon. */
const ROUNDS = 200;

export interface ShimPlaces {
  readonly containerdState: string;
  /** containerd's own socket: shims are told it, and so known as this daemon's. */
  readonly containerdSocket: string;
  /** Where shims listen. It need not exist yet. */
  readonly socketDirectory: string;
}

/**
 * Ends the shims of this daemon without a way back, and removes the sockets of those that are gone. Before every start of
 * containerd, and only while none runs. Returns how many processes it ended.
 */
export async function endLostShims(places: ShimPlaces): Promise<number> {
  const ended = new Set<number>();
  // Again until there is none: one that was being started may have forked before it was ended.
  for (let round = 0; round < ROUNDS; round++) {
    const lost = await lostShims(places);
    if (lost.length === 0) break;
    for (const pid of lost) {
      kill(pid);
      ended.add(pid);
    }
    await sleep(ROUND_MS);
  }
  await removeDeadSockets(places.socketDirectory);
  return ended.size;
}

async function lostShims({ containerdState, containerdSocket }: ShimPlaces): Promise<number[]> {
  const bundles = join(containerdState, 'io.containerd.runtime.v2.task', NAMESPACE);
  const lost: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const [program = '', ...words] = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(gone))?.split('\0') ?? [];
    if (!SHIM.test(program) || wordAfter(words, '-address') !== containerdSocket) continue;
    const id = wordAfter(words, '-id');
    if (id === undefined || (await stat(join(bundles, id, 'bootstrap.json')).catch(gone)) !== undefined) continue;
    lost.push(Number(name));
  }
  return lost;
}

function wordAfter(words: readonly string[], flag: string): string | undefined {
  const at = words.indexOf(flag);
  return at < 0 ? undefined : words[at + 1];
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function removeDeadSockets(directory: string): Promise<void> {
  for (const name of (await readdir(directory).catch(gone)) ?? []) {
    const path = join(directory, name);
    if ((await stat(path).catch(gone))?.isSocket() === true && (await isRefused(path))) await rm(path, { force: true });
  }
}

function isRefused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

/** A process, or what it had, that ended between the listing and the look at it (ESRCH: while it was read). */
function gone(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ESRCH' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
