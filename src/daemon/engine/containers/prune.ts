/** `container prune` (moby, daemon/prune.go). */
import { dirname } from 'node:path';
import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import { directorySize } from '../../../host/directory-size.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import { parseUntil } from '../filter-times.ts';
import { hasLabel } from '../labels.ts';
import type { EngineContext } from './context.ts';
import { diskUsage } from './disk-usage.ts';
import { invalidFilter } from './filter-values.ts';
import type { Filters } from './filters.ts';
import { removalsDone } from './removals-done.ts';
import { removeContainer } from './remove.ts';
import { isUp } from './summary.ts';

export interface PrunedContainers {
  readonly deleted: readonly string[];
  /** Bytes of writable layers and logs. */
  readonly reclaimed: number;
}

/**
 * Volumes stay, the anonymous ones too. When this returns the images of what was removed are free to go.
 *
 * @param filters label, label!, until. INVALID_ARGUMENT for others.
 */
export async function pruneContainers(
  context: EngineContext,
  filters: Filters,
  signal?: AbortSignal,
): Promise<PrunedContainers> {
  const test = pruneTest(filters);
  const deleted: string[] = [];
  let reclaimed = 0;
  for (const record of context.state.containers.list()) {
    signal?.throwIfAborted();
    if (!isPrunable(record) || !test(record)) continue;
    const size = await sizeOnDisk(context, record, signal);
    try {
      await removeContainer(context, record.id, { force: false, volumes: false });
    } catch (error) {
      // Started meanwhile, or removed by somebody else.
      if (!hasCode(error, Code.FAILED_PRECONDITION, Code.NOT_FOUND)) throw error;
      continue;
    }
    deleted.push(record.id);
    reclaimed += size;
  }
  if (deleted.length > 0) await removalsDone(context);
  context.events.record({
    type: 'container',
    action: 'prune',
    actor: '',
    attributes: { reclaimed: String(reclaimed) },
  });
  return { deleted, reclaimed };
}

/** One that does not run and is in no pod of a user, with which it would go. */
export function isPrunable(record: ContainerRecord): boolean {
  return !isUp(record) && record.spec.pod === '';
}

/** Bytes of a container's writable layer and logs. */
export async function sizeOnDisk(
  context: Pick<EngineContext, 'containerd' | 'snapshotter'>,
  record: ContainerRecord,
  signal?: AbortSignal,
): Promise<number> {
  const { containerd, snapshotter } = context;
  const [{ writable }, logs] = await Promise.all([
    diskUsage(containerd.snapshots, snapshotter, record.criId, signal),
    directorySize(dirname(record.logPath), signal),
  ]);
  return Number(writable) + logs;
}

function pruneTest(filters: Filters): (record: ContainerRecord) => boolean {
  const tests = Object.entries(filters).map(([name, values]): ((record: ContainerRecord) => boolean) => {
    switch (name) {
      case 'label':
        return ({ config }) => values.every((value) => hasLabel(config.labels, value));
      case 'label!':
        return ({ config }) => !values.some((value) => hasLabel(config.labels, value));
      case 'until': {
        const [limit = 0n, another] = values.map(parseUntil);
        if (another !== undefined) {
          throw new K3cError(Code.INVALID_ARGUMENT, 'more than one until filter specified', { reason: 'bad-input' });
        }
        return ({ createdAt }) => createdAt < limit;
      }
      default:
        throw invalidFilter(name);
    }
  });
  return (record) => tests.every((test) => test(record));
}
