/** commit: a container's changes become an image's uppermost layer. */

import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ContainerRecord } from '../../../state/containers.ts';
import type { OciRunConfig } from '../../images/oci.ts';
import type { EngineContext } from '../context.ts';
import { healthcheckDocument } from '../health/check.ts';
import { recordNow } from '../identity.ts';
import { pauseContainer, unpauseContainer } from '../pause.ts';
import { argv } from '../summary.ts';
import { withLayer } from './changes.ts';

export interface CommitOptions {
  /** Name of the image; empty: none. */
  readonly reference: string;
  readonly author: string;
  readonly message: string;
  /** Dockerfile instructions. */
  readonly changes: readonly string[];
  /** Freeze the container for the time that its files are read. */
  readonly pause: boolean;
  readonly signal: AbortSignal;
}

/** Returns the image id. */
export async function commitContainer(
  context: EngineContext,
  record: ContainerRecord,
  options: CommitOptions,
): Promise<string> {
  const { reference, author, message, changes, signal } = options;
  const id = await paused(context, record, options.pause, () =>
    withLayer(context, record, signal, (layer) =>
      context.images.commit({
        parent: record.imageId,
        reference,
        author,
        message,
        changes,
        config: runConfig(record),
        createdBy: argv(record).join(' '),
        layer,
        signal,
      }),
    ),
  );
  context.emit(record, 'commit', { comment: message, imageID: id, imageRef: reference });
  return id;
}

/** What the container was made to run with, in the words of an image; the image's own values stand behind it. */
export function runConfig({ spec, config }: ContainerRecord): OciRunConfig {
  const volumes = config.mounts.filter(({ anonymous }) => anonymous).map(({ target }) => [target, {}]);
  return {
    User: config.user,
    Env: config.env.filter((entry) => !/^(HOSTNAME|TERM)=/.test(entry) || spec.env.includes(entry)),
    Entrypoint: config.entrypoint.length > 0 ? config.entrypoint : null,
    Cmd: config.command.length > 0 ? config.command : null,
    WorkingDir: config.workingDir === '/' && spec.workingDir === '' ? '' : config.workingDir,
    Labels: config.labels,
    ...(config.exposedPorts.length > 0 && {
      ExposedPorts: Object.fromEntries(config.exposedPorts.map((port) => [port, {}])),
    }),
    ...(volumes.length > 0 && { Volumes: Object.fromEntries(volumes) }),
    ...(config.stopSignal !== 'SIGTERM' && { StopSignal: config.stopSignal }),
    ...(config.health !== undefined && { Healthcheck: healthcheckDocument(config.health) }),
    ...(config.shell !== undefined && { Shell: config.shell }),
  };
}

/** Freezes a container that runs while something is done; one that somebody else froze stays so. */
async function paused<T>(
  context: EngineContext,
  { id }: ContainerRecord,
  asked: boolean,
  act: () => Promise<T>,
): Promise<T> {
  if (!asked || recordNow(context.state.containers, id).state !== 'running') return await act();
  const mark = pauseMark(context, id);
  // A container of a pod has no directory of its own yet: the network's files are in its pod's.
  await mkdir(dirname(mark), { recursive: true, mode: 0o711 });
  await writeFile(mark, '');
  try {
    await pauseContainer(context, id);
    try {
      return await act();
    } finally {
      await goOn(context, id);
    }
  } finally {
    await rm(mark, { force: true });
  }
}

/** The file that is there while a commit has a container frozen. */
function pauseMark(context: EngineContext, id: string): string {
  return join(context.paths.containers, id, 'committing');
}

/** Somebody may have let it go on, or ended it, meanwhile. */
async function goOn(context: EngineContext, id: string): Promise<void> {
  if (context.state.containers.byId(id)?.state === 'paused') await unpauseContainer(context, id);
}

/** Lets containers go on that a daemon before this one froze for a commit and was killed. Call it when they are taken up. */
export async function endStalePauses(context: EngineContext): Promise<void> {
  for (const id of await readdir(context.paths.containers)) {
    const mark = pauseMark(context, id);
    if (!existsSync(mark)) continue;
    await goOn(context, id).catch((err: unknown) => {
      // One container must not keep the daemon from coming back; `unpause` is there for it.
      context.log.error({ err, container: id }, 'cannot let a container go on that a commit had frozen');
    });
    await rm(mark, { force: true });
  }
}
