/** The snapshots of stages: their names, and how they go. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode } from '../../../../api/errors.ts';
import type { EngineContext } from '../context.ts';

/** On snapshots of stages; the value is the container's id. */
export const LABEL = 'k3c.io/files';

const MAX_TRIES = 40;
const RETRY_MS = 250;

/** Nothing else refers to a stage between two starts: the label keeps it from being collected. */
export function labelsOf(id: string): Record<string, string> {
  return { 'containerd.io/gc.root': 'k3c', [LABEL]: id };
}

/** The name of the layer that follows these. No layer stands on one with a higher number. */
export function nextName(id: string, layers: readonly string[]): string {
  const top = layers.at(-1);
  return `k3c-files-${id}-${top === undefined ? 0 : heightOf(top) + 1}`;
}

/** The number in a layer's name. */
export function heightOf(key: string): number {
  return Number(/-(\d+)(?:-open)?$/.exec(key)?.[1] ?? 0);
}

export async function snapshotExists(context: EngineContext, key: string): Promise<boolean> {
  try {
    await context.containerd.snapshots.stat({ snapshotter: context.snapshotter, key });
    return true;
  } catch (error) {
    if (hasCode(error, Code.NOT_FOUND)) return false;
    throw error;
  }
}

/** Removes a snapshot; one that is gone is fine. False when something stands on it. */
export async function tryToRemove(context: EngineContext, key: string): Promise<boolean> {
  try {
    await context.containerd.snapshots.remove({ snapshotter: context.snapshotter, key });
    return true;
  } catch (error) {
    if (hasCode(error, Code.NOT_FOUND)) return true;
    if (hasCode(error, Code.FAILED_PRECONDITION)) return false;
    throw error;
  }
}

/** Removes a snapshot on which an earlier attempt that is on its way out may stand still. Throws FAILED_PRECONDITION where it stays. */
export async function removeSnapshot(context: EngineContext, key: string): Promise<void> {
  for (let tries = 1; tries < MAX_TRIES; tries++) {
    if (await tryToRemove(context, key)) return;
    await sleep(RETRY_MS, undefined, { signal: context.closing, ref: false });
  }
  await context.containerd.snapshots.remove({ snapshotter: context.snapshotter, key });
}
