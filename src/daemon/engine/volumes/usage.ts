/** What volumes take up, and who uses them. */
import { join } from 'node:path';
import { directorySize } from '../../../host/directory-size.ts';
import type { State } from '../../state/database.ts';
import type { VolumeRecord } from '../../state/volumes.ts';

export interface VolumeUsage {
  readonly record: VolumeRecord;
  /** Bytes. */
  readonly size: number;
  /** How many containers have it, whether they run or not. */
  readonly links: number;
}

export interface VolumeParts {
  readonly state: Pick<State, 'containers' | 'volumes'>;
  readonly paths: { readonly volumes: string };
}

/** How many containers have each volume that any has. */
export function volumeLinks(state: VolumeParts['state']): ReadonlyMap<string, number> {
  const links = new Map<string, number>();
  for (const { config } of state.containers.list()) {
    const own = new Set(config.mounts.map(({ volume }) => volume).filter((volume) => volume !== ''));
    for (const volume of own) links.set(volume, (links.get(volume) ?? 0) + 1);
  }
  return links;
}

/** By name. */
export async function volumeUsages({ state, paths }: VolumeParts, signal?: AbortSignal): Promise<VolumeUsage[]> {
  const links = volumeLinks(state);
  return Promise.all(
    state.volumes.list().map(async (record) => ({
      record,
      size: await directorySize(join(paths.volumes, record.name), signal),
      links: links.get(record.name) ?? 0,
    })),
  );
}
