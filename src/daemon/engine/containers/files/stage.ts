/**
 * The stage: what was copied into a container while it did not run. It lies in snapshots of its own between the image and the
 * writable layer, and every later start has it, for every start makes a fresh writable layer.
 *
 *     image ← layer ← layer … ← open       (copies go here; a start seals it into one more layer)
 *                           ↖ attempt
 *
 * containers/ID/files.json says which there are, and is written before what it names is made: a name without a snapshot is none.
 * A container that is copied into and started over and over would get more layers than overlayfs takes: see `merge-stage.ts`.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Code, hasCode, K3cError } from '../../../../api/errors.ts';
import { writeFileAtomic } from '../../../../host/files.ts';
import type { ContainerRecord } from '../../../state/containers.ts';
import type { EngineContext } from '../context.ts';
import { MAX_LAYERS, mergeLayers, removeUnmerged } from './merge-stage.ts';
import { heightOf, LABEL, labelsOf, nextName, removeSnapshot, snapshotExists, tryToRemove } from './stage-snapshots.ts';

export interface Stage {
  /** Committed snapshots, the lowest first. */
  readonly layers: readonly string[];
  /** The active snapshot above them; empty: nothing was copied since the last start. */
  readonly open: string;
  /** Layers that were merged into one; an attempt that ended may stand on them. Absent: none. */
  readonly merged?: readonly string[];
}

const NONE: Stage = { layers: [], open: '' };

function stageFile(context: EngineContext, id: string): string {
  return join(context.paths.containers, id, 'files.json');
}

/** What there is of a container's stage. */
export async function readStage(context: EngineContext, id: string): Promise<Stage> {
  try {
    return JSON.parse(await readFile(stageFile(context, id), 'utf8')) as Stage;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NONE;
    throw error;
  }
}

async function writeStage(context: EngineContext, id: string, stage: Stage): Promise<void> {
  await mkdir(join(context.paths.containers, id), { recursive: true, mode: 0o711 });
  await writeFileAtomic(stageFile(context, id), JSON.stringify(stage), 0o600);
}

/** The snapshot that a container's image is unpacked to; empty for an image without layers. */
export async function imageSnapshot(context: EngineContext, record: ContainerRecord): Promise<string> {
  const { chainId } = await context.images.resolve(record.imageId);
  if (chainId === undefined) throw new K3cError(Code.INTERNAL, `${record.imageId} has no snapshot`);
  return chainId;
}

/** The snapshot that copies go to, made where there is none. The caller holds the container's lock. */
export async function openStage(context: EngineContext, record: ContainerRecord): Promise<string> {
  const { id } = record;
  let stage = await readStage(context, id);
  if (stage.open === '' && stage.layers.length >= MAX_LAYERS) {
    const layer = await mergeLayers(context, id, stage.layers);
    stage = { layers: [layer], open: '', merged: [...(stage.merged ?? []), ...stage.layers] };
    await writeStage(context, id, stage);
  }
  const key = stage.open || `${nextName(id, stage.layers)}-open`;
  if (stage.open === '') await writeStage(context, id, { ...stage, open: key });
  const parent = stage.layers.at(-1) ?? (await imageSnapshot(context, record));
  try {
    await context.containerd.snapshots.prepare({
      snapshotter: context.snapshotter,
      key,
      parent,
      labels: labelsOf(id),
    });
  } catch (error) {
    if (!hasCode(error, Code.ALREADY_EXISTS)) throw error;
  }
  return key;
}

/**
 * Puts the stage under the writable layer of an attempt that CRI has created and not started: that layer is still empty, and is
 * made once more above the stage, under its own name. The caller holds the container's lock.
 */
export async function applyStage(context: EngineContext, id: string, criId: string): Promise<void> {
  const parent = (await forgetMerged(context, id, await sealed(context, id))).layers.at(-1);
  if (parent === undefined) return;
  const { snapshotter } = context;
  const { snapshots } = context.containerd;
  const { info } = await snapshots.stat({ snapshotter, key: criId });
  await snapshots.remove({ snapshotter, key: criId });
  await snapshots.prepare({ snapshotter, key: criId, parent, labels: { ...info?.labels } });
}

/** Commits what is open. Done again after a crash in the middle, it ends the same. */
async function sealed(context: EngineContext, id: string): Promise<Stage> {
  const stage = await readStage(context, id);
  if (stage.open === '') return stage;
  const { snapshotter } = context;
  const { snapshots } = context.containerd;
  const name = stage.open.replace(/-open$/, '');
  let layers = [...stage.layers, name];
  try {
    await snapshots.commit({ snapshotter, key: stage.open, name, labels: labelsOf(id) });
  } catch (error) {
    if (!hasCode(error, Code.NOT_FOUND)) throw error;
    // Committed already, by a daemon that was killed right after; or never made.
    if (!(await snapshotExists(context, name))) layers = [...stage.layers];
  }
  const next = { ...stage, layers, open: '' };
  await writeStage(context, id, next);
  return next;
}

/** Removes layers that were merged, and that no attempt stands on any more. */
async function forgetMerged(context: EngineContext, id: string, stage: Stage): Promise<Stage> {
  const { merged = [], ...rest } = stage;
  if (merged.length === 0) return stage;
  const left = [...merged];
  for (let key = left.at(-1); key !== undefined && (await tryToRemove(context, key)); key = left.at(-1)) left.pop();
  const next = left.length === 0 ? rest : { ...rest, merged: left };
  await writeStage(context, id, next);
  return next;
}

/** Removes the stage of a container that is gone; its attempts are gone already. */
export async function removeStage(context: EngineContext, id: string): Promise<void> {
  const { layers, open, merged = [] } = await readStage(context, id);
  if (layers.length >= MAX_LAYERS) await removeUnmerged(context, id, layers);
  // From the top: a snapshot that another one stands on cannot go.
  for (const key of [open, ...layers.toReversed(), ...merged.toReversed()])
    if (key !== '') await removeSnapshot(context, key);
}

/** Removes the stages of containers that no row names: a daemon died between the row and the snapshots. */
export async function removeStrayStages(context: EngineContext): Promise<void> {
  const { snapshotter } = context;
  const strays: { readonly key: string; readonly height: number }[] = [];
  const list = context.containerd.snapshots.list({ snapshotter, filters: [`labels."${LABEL}"`] });
  for await (const { info } of list) {
    for (const { name, labels } of info) {
      const id = labels[LABEL] ?? '';
      if (context.state.containers.byId(id) === undefined) strays.push({ key: name, height: heightOf(name) });
    }
  }
  for (const { key } of strays.sort((a, b) => b.height - a.height)) await removeSnapshot(context, key);
}
