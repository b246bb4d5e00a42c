/** The end of a container: its row goes first, in one transaction; what it left elsewhere follows in the background. */
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ContainerRecord } from '../../state/containers.ts';
import { takeAway } from '../volumes/removal.ts';
import type { EngineContext } from './context.ts';
import { removeStage } from './files/stage.ts';
import { removeAttempt } from './sandboxes.ts';
import { forgetAnonymous } from './volumes.ts';

/**
 * Deletes the record and, when asked, its anonymous volumes; to be called in a transaction. Returns what starts the rest, to be
 * called when that is committed. A daemon that dies before the rest is gone finds the sandbox by its label and the directories
 * by their ids at its next start.
 */
export function discard(
  context: EngineContext,
  record: ContainerRecord,
  options: { readonly volumes: boolean },
): () => void {
  context.state.containers.delete(record.id);
  const volumes = options.volumes ? forgetAnonymous(context, record.config.mounts) : [];
  context.emit(record, 'destroy');
  return () =>
    context.background.run(`clean up after ${record.name}`, async () => {
      await removeAttempt(context, record);
      await removeStage(context, record.id);
      await deleteFiles(context, record.id, record.logPath);
      await Promise.all(volumes.map((name) => takeAway(context, name)));
    });
}

async function deleteFiles(context: EngineContext, id: string, logPath: string): Promise<void> {
  await rm(dirname(logPath), { recursive: true, force: true });
  await rm(join(context.paths.containers, id), { recursive: true, force: true });
}
