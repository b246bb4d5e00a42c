/** The volume engine: docker's volume verbs. What containers do with volumes is in ../containers. */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { getSystemErrorMessage } from 'node:util';
import { Code, K3cError } from '../../../api/errors.ts';
import type { State } from '../../state/database.ts';
import type { VolumeRecord } from '../../state/volumes.ts';
import type { EventBus } from '../events/bus.ts';
import { checkDriver, type DriverOptions } from './driver-options.ts';
import { volumeMatcher } from './filters.ts';
import { checkVolumeName, noSuchVolume } from './names.ts';
import { type PrunedVolumes, type PruneVolumesOptions, pruneVolumes } from './prune.ts';
import { markRemoved, takeAway } from './removal.ts';
import { volumeLinks } from './usage.ts';

export interface VolumeEngineParts {
  readonly state: State;
  readonly paths: { readonly volumes: string };
  readonly events: Pick<EventBus, 'record'>;
}

export interface NewVolume {
  /** Empty: a new one, for an anonymous volume. */
  readonly name: string;
  /** Empty: local. */
  readonly driver: string;
  readonly options: DriverOptions;
  readonly labels: Readonly<Record<string, string>>;
}

/** A volume as users see it. */
export interface ListedVolume extends VolumeRecord {
  /** Where its files are, or appear while a container has it. */
  readonly mountpoint: string;
  /** Containers that have it, running or not. */
  readonly links: number;
}

export type VolumeEngine = ReturnType<typeof volumeEngine>;

/** Makes the engine. It holds no resource of its own. */
export function volumeEngine(parts: VolumeEngineParts) {
  const { state, paths } = parts;
  const listed = (record: VolumeRecord, links: number): ListedVolume => ({
    ...record,
    mountpoint: join(paths.volumes, record.name, '_data'),
    links,
  });
  return {
    /** One that is there is left as it is, as in docker. Throws INVALID_ARGUMENT and NOT_FOUND in docker's words. */
    async create(wanted: NewVolume): Promise<ListedVolume> {
      const anonymous = wanted.name === '';
      const name = anonymous ? randomBytes(32).toString('hex') : wanted.name;
      checkVolumeName(name);
      checkDriver(name, wanted.driver, wanted.options);
      const created: VolumeRecord = {
        name,
        anonymous,
        labels: wanted.labels,
        options: wanted.options,
        createdAt: BigInt(Date.now()) * 1_000_000n,
      };
      const record = state.transaction(() => recordVolume(parts, created));
      const volume = listed(record, volumeLinks(state).get(name) ?? 0);
      try {
        await mkdir(volume.mountpoint, { recursive: true });
      } catch (cause) {
        // One that was just recorded, and that nobody has taken meanwhile, is not left as a name without a directory.
        const isNew = record === created;
        const forgotten = isNew && state.transaction(() => !volumeLinks(state).has(name) && markRemoved(parts, name));
        if (forgotten) await takeAway(parts, name);
        const why = getSystemErrorMessage((cause as NodeJS.ErrnoException).errno ?? 0);
        throw new K3cError(
          Code.FAILED_PRECONDITION,
          `create ${name}: error while creating volume root path '${volume.mountpoint}': ${why}`,
          { cause },
        );
      }
      return volume;
    },

    /** By name. Throws INVALID_ARGUMENT for a bad filter. */
    list(filters: Readonly<Record<string, readonly string[]>>): readonly ListedVolume[] {
      const links = volumeLinks(state);
      const matches = volumeMatcher(filters, (name) => links.has(name));
      return state.volumes
        .list()
        .filter(matches)
        .map((record) => listed(record, links.get(record.name) ?? 0));
    },

    /** Throws NOT_FOUND (volume-not-found). */
    get(name: string): ListedVolume {
      const record = state.volumes.byName(name);
      if (record === undefined) throw noSuchVolume(name);
      return listed(record, volumeLinks(state).get(name) ?? 0);
    },

    /**
     * Its files are gone when this returns. FAILED_PRECONDITION (volume-in-use) while a container has it, running or not.
     * @param force one that is not there is no failure
     */
    async remove(name: string, force: boolean): Promise<void> {
      const marked = state.transaction(() => {
        const users = state.containers
          .list()
          .filter(({ config }) => config.mounts.some(({ volume }) => volume === name));
        if (users.length > 0) {
          throw new K3cError(
            Code.FAILED_PRECONDITION,
            `remove ${name}: volume is in use - [${users.map(({ id }) => id).join(', ')}]`,
            { reason: 'volume-in-use', hint: `remove first what has it: ${users.map((user) => user.name).join(', ')}` },
          );
        }
        return markRemoved(parts, name);
      });
      if (marked) await takeAway(parts, name);
      else if (!force) throw noSuchVolume(name);
    },

    prune: (options: PruneVolumesOptions): Promise<PrunedVolumes> => pruneVolumes(parts, options),
  };
}

/** Records a volume that is not there yet; to be called in a transaction. Returns the row that counts. */
export function recordVolume(
  { state, events }: Pick<VolumeEngineParts, 'state' | 'events'>,
  wanted: VolumeRecord,
): VolumeRecord {
  if (state.volumes.insert(wanted)) {
    events.record({ type: 'volume', action: 'create', actor: wanted.name, attributes: { driver: 'local' } });
    return wanted;
  }
  const there = state.volumes.byName(wanted.name);
  if (there !== undefined) return there;
  throw new K3cError(Code.ABORTED, `create ${wanted.name}: the volume of this name is just being removed`, {
    hint: 'try again; the log of the daemon says what keeps it',
  });
}
