/** What a daemon that died between a row and its files has left on disk. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { EngineContext } from './context.ts';

/**
 * Directories of containers and pods that no row names: a daemon died between the row and the files, or a containerd that came back opened
 * the log of one that was removed meanwhile. The row is there before the directories are.
 */
export async function removeStrayDirectories({ state, paths }: Pick<EngineContext, 'state' | 'paths'>): Promise<void> {
  const isKnown = (id: string) => state.containers.byId(id) !== undefined || state.pods.byId(id) !== undefined;
  for (const parent of [paths.containers, paths.logs]) {
    for (const name of await readdir(parent)) {
      // Only names of the kind that the engine makes up: anything else was put there by somebody else.
      if (/^[0-9a-f]{64}$/.test(name) && !isKnown(name)) await rm(join(parent, name), { recursive: true, force: true });
    }
  }
}

/** CRIID-STREAM, or CRIID.EXEC-STREAM. Those of containers that run are in use; of an exec only the start needs the name. */
export async function removeStrayFifos(context: EngineContext, names: readonly string[]): Promise<void> {
  const used = new Set([...context.live.values()].map(({ criId }) => criId));
  for (const name of names) {
    const [, criId, after] = /^([0-9a-f]{64})([.-])/.exec(name) ?? [];
    if (criId !== undefined && (after === '.' || !used.has(criId)))
      await rm(join(context.paths.fifos, name), { force: true });
  }
}
