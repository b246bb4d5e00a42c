/** Directories of volumes that no row names: a database that was lost, or a power failure that took the last rows along. */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { State } from '../../state/database.ts';
import { isVolumeName } from './names.ts';

/** Makes them volumes again: files of users are deleted only by a removal. Returns their names. */
export async function adoptVolumes(parts: {
  readonly state: Pick<State, 'volumes'>;
  readonly paths: { readonly volumes: string };
}): Promise<readonly string[]> {
  const { volumes } = parts.paths;
  const known = new Set([...parts.state.volumes.list().map(({ name }) => name), ...parts.state.volumes.removed()]);
  const adopted: string[] = [];
  for (const entry of await readdir(volumes, { withFileTypes: true })) {
    const { name } = entry;
    if (known.has(name) || !isVolumeName(name) || !(await hasData(volumes, entry))) continue;
    const { birthtimeMs } = await stat(join(volumes, name));
    const createdAt = BigInt(Math.round(birthtimeMs)) * 1_000_000n;
    // Names of the kind that the engine makes up are of volumes that nobody named.
    const anonymous = /^[0-9a-f]{64}$/.test(name);
    if (parts.state.volumes.insert({ name, anonymous, labels: {}, options: {}, createdAt })) adopted.push(name);
  }
  return adopted;
}

async function hasData(volumes: string, entry: Dirent): Promise<boolean> {
  if (!entry.isDirectory()) return false;
  const inside = await readdir(join(volumes, entry.name), { withFileTypes: true });
  return inside.some((one) => one.name === '_data' && one.isDirectory());
}
