/**
 * What a killed containerd leaves of snapshots. The overlay snapshotter renames a directory to the number that its database gives, and then
 * commits the number (containerd, plugins/snapshots/overlay): killed in between, the number is given once more, its directory is there, and
 * whoever asks next is refused. That attempt removes the directory, so it is made here and not by somebody's container.
 */
import { randomUUID } from 'node:crypto';
import { Code, hasCode } from '../../api/errors.ts';
import type { Containerd } from './containerd.ts';

/**
 * Makes a snapshot, at the second attempt where the first fails, and removes it, after which the next collection looks at all snapshots and
 * directories that nothing refers to: of a snapshotter they are collected only after one was removed. Once containerd is there, before
 * anything is started.
 */
export async function mendSnapshots(
  { snapshots }: Pick<Containerd, 'snapshots'>,
  snapshotter: string,
  signal?: AbortSignal,
): Promise<void> {
  const key = `k3c-mend-${randomUUID()}`;
  const prepare = () => snapshots.prepare({ snapshotter, key, parent: '', labels: {} }, { signal });
  await prepare().catch(prepare);
  await snapshots.remove({ snapshotter, key }, { signal }).catch((error: unknown) => {
    // Nothing refers to it: a collection was faster.
    if (!hasCode(error, Code.NOT_FOUND)) throw error;
  });
}
