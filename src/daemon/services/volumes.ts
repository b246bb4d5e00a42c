/** k3c.v1.Volumes on the volume engine. */
import type { VolumesDefinition } from '../../api/gen/k3c.ts';
import type { Handlers } from '../../api/rpc/types.ts';
import { labelsOf } from '../engine/volumes/filters.ts';
import type { ListedVolume, VolumeEngine } from '../engine/volumes/volumes.ts';
import { toFilters } from './filters.ts';

export function volumesService(engine: VolumeEngine): Handlers<typeof VolumesDefinition> {
  return {
    create: async ({ name, driver, options, labels }) => ({
      volume: toVolume(await engine.create({ name, driver, options, labels })),
    }),
    list: ({ filters }) => Promise.resolve({ volumes: engine.list(toFilters(filters)).map(toVolume) }),
    inspect: async ({ volume }) => ({ document: Buffer.from(JSON.stringify(toDocument(engine.get(volume)))) }),
    remove: async ({ volume, force }) => {
      await engine.remove(volume, force);
      return {};
    },
    prune: async ({ all, filters }) => {
      const { deleted, reclaimed } = await engine.prune({ all, filters: toFilters(filters) });
      return { deleted: [...deleted], reclaimed: BigInt(reclaimed) };
    },
  };
}

function toVolume({ name, mountpoint, labels, options, createdAt, anonymous, links }: ListedVolume) {
  return {
    name,
    driver: 'local',
    mountpoint,
    labels: labelsOf({ labels, anonymous }),
    options: { ...options },
    createdAt,
    anonymous,
    links: BigInt(links),
  };
}

/** docker's Volume (moby, api/types/volume); null where nothing was given, maps in the order of their keys. */
function toDocument({ name, mountpoint, labels, options, createdAt, anonymous }: ListedVolume) {
  const orNull = (map: Readonly<Record<string, string>>) => {
    const entries = Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return entries.length === 0 ? null : Object.fromEntries(entries);
  };
  return {
    CreatedAt: new Date(Number(createdAt / 1_000_000n)).toISOString().replace(/\.\d+/, ''),
    Driver: 'local',
    Labels: orNull(labelsOf({ labels, anonymous })),
    Mountpoint: mountpoint,
    Name: name,
    Options: orNull(options),
    Scope: 'local',
  };
}
