/**
 * The end of a volume. Its row is marked in the transaction that decides it; its directory is moved out of the way at once, so
 * that the name is free; its files go in the background. A daemon that dies in between goes on at its next start. Nothing else
 * deletes a volume's files.
 */
import { randomBytes } from 'node:crypto';
import { renameSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../../host/log.ts';
import { unmountDetached } from '../../../host/mount.ts';
import { mountsAt } from '../../../host/mount-table.ts';
import type { State } from '../../state/database.ts';
import type { EventBus } from '../events/bus.ts';

export interface RemovalParts {
  readonly state: Pick<State, 'volumes'>;
  readonly paths: { readonly volumes: string };
  readonly events: Pick<EventBus, 'record'>;
}

/** No name of a volume begins so. */
const REMOVED = '.removed-';

/** To be called in a transaction. False when there is no such volume. */
export function markRemoved({ state, events }: Omit<RemovalParts, 'paths'>, name: string): boolean {
  if (!state.volumes.markRemoved(name)) return false;
  events.record({ type: 'volume', action: 'destroy', actor: name, attributes: { driver: 'local' } });
  return true;
}

/**
 * Goes on when that transaction is committed: when it returns the name is free. What it returns is settled when the files are
 * gone, too. Throws an ErrnoException where the directory cannot be moved; the next start of the daemon tries again.
 */
export function takeAway({ state, paths }: Omit<RemovalParts, 'events'>, name: string): Promise<void> {
  // What it was, for those who look; a name may be as long as a directory's can be.
  const aside = join(paths.volumes, `${REMOVED}${name.slice(0, 200)}.${randomBytes(6).toString('hex')}`);
  const moved = moveAside(join(paths.volumes, name), aside);
  state.volumes.delete(name);
  return moved ? erase(aside) : Promise.resolve();
}

/** What a daemon that died has not finished. */
export async function finishRemovals(parts: Omit<RemovalParts, 'events'> & { readonly log: Log }): Promise<void> {
  const { volumes } = parts.paths;
  const left = (await readdir(volumes)).filter((name) => name.startsWith(REMOVED));
  const erasing = [
    ...left.map((name) => erase(join(volumes, name))),
    ...parts.state.volumes.removed().map(async (name) => takeAway(parts, name)),
  ];
  for (const outcome of await Promise.allSettled(erasing)) {
    if (outcome.status === 'rejected') parts.log.warn({ err: outcome.reason }, 'cannot delete the files of a volume');
  }
}

/** False where nothing is there. */
function moveAside(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // An older daemon recorded a volume with a name too long for any directory before it failed to make it.
    if (code === 'ENOENT' || code === 'ENAMETOOLONG' || code === 'ENOTDIR') return false;
    throw error;
  }
}

/** What is mounted in there is somebody else's (a directory of the host, a server's): it is taken off first, never emptied. */
async function erase(path: string): Promise<void> {
  for (const point of mountsAt(path)) unmountDetached(point);
  const left = mountsAt(path);
  if (left.length > 0) throw new Error(`${left.join(' ')} is still mounted`);
  await rm(path, { recursive: true, force: true });
}
