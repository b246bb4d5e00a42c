/** `volume prune`: volumes that no container has. */
import { join } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import { directorySize } from '../../../host/directory-size.ts';
import type { State } from '../../state/database.ts';
import type { VolumeRecord } from '../../state/volumes.ts';
import type { EventBus } from '../events/bus.ts';
import { volumeMatcher } from './filters.ts';
import { markRemoved, takeAway } from './removal.ts';
import { type VolumeParts, volumeLinks } from './usage.ts';

export interface PruneVolumesOptions {
  /** Volumes with a name, too. */
  readonly all: boolean;
  /** label, label! */
  readonly filters: Readonly<Record<string, readonly string[]>>;
}

export interface PrunedVolumes {
  readonly deleted: readonly string[];
  /** Bytes. */
  readonly reclaimed: number;
}

/** Throws INVALID_ARGUMENT for a bad filter. */
export async function pruneVolumes(
  parts: VolumeParts & { readonly state: Pick<State, 'transaction'>; readonly events: Pick<EventBus, 'record'> },
  options: PruneVolumesOptions,
): Promise<PrunedVolumes> {
  const test = volumeTest(options.filters);
  const { state, paths, events } = parts;
  const deleted: string[] = [];
  let reclaimed = 0;
  for (const record of state.volumes.list()) {
    if (!(options.all || record.anonymous) || !test(record)) continue;
    const path = join(paths.volumes, record.name);
    const size = await directorySize(path);
    // A container may have been made with it meanwhile; its row is written in a transaction, too.
    const gone = state.transaction(
      () => !volumeLinks(state).has(record.name) && markRemoved({ state, events }, record.name),
    );
    if (!gone) continue;
    await takeAway({ state, paths }, record.name);
    deleted.push(record.name);
    reclaimed += size;
  }
  return { deleted, reclaimed };
}

function volumeTest(filters: PruneVolumesOptions['filters']): (record: VolumeRecord) => boolean {
  for (const name of Object.keys(filters)) {
    if (name !== 'label' && name !== 'label!')
      throw new K3cError(Code.INVALID_ARGUMENT, `invalid filter '${name}'`, { reason: 'bad-input' });
  }
  return volumeMatcher(filters, () => false);
}
