/** Into containers. */
import { Code, K3cError } from '../../../../api/errors.ts';
import { FilesError, type FilesJob, feed, readTexts } from '../../../../host/files-helper.ts';
import type { SnapshotMount } from '../../../../host/mount.ts';
import type { ContainerRecord } from '../../../state/containers.ts';
import type { EngineContext } from '../context.ts';
import { recordNow } from '../identity.ts';
import { filesError } from './failure.ts';
import { liveArgs, mountPoints, snapshotMounts, startJob } from './job.ts';
import { writingArgs } from './layers.ts';
import { holding, mountArgs, mountOf } from './mounts.ts';
import { absolute, seed } from './read.ts';
import { openStage } from './stage.ts';
import { plainTar } from './tar-input.ts';

export interface CopyToOptions {
  /** Of a directory that is there. */
  readonly path: string;
  /** uid and gid as the archive has them; else root's. */
  readonly keepOwner: boolean;
  /** A tar, plain or compressed with gzip or zstd. */
  readonly data: AsyncIterable<Buffer>;
  readonly signal: AbortSignal;
}

/**
 * Unpacks a tar in a container. Into one that runs it goes as it is; what goes into one that does not run is there at every
 * later start, too. NOT_FOUND (path-not-found), INVALID_ARGUMENT and FAILED_PRECONDITION in docker's words.
 */
export async function copyTo(context: EngineContext, record: ContainerRecord, options: CopyToOptions): Promise<void> {
  try {
    while (!(await intoLive(context, record, options)) && !(await intoStopped(context, record.id, options)));
  } catch (error) {
    throw filesError(error, record.name, options.path);
  }
  context.emit(record, 'extract-to-dir');
}

/** False when it does not run. */
async function intoLive(context: EngineContext, record: ContainerRecord, options: CopyToOptions): Promise<boolean> {
  const live = await liveArgs(context, record.id, false);
  if (live === undefined) return false;
  try {
    await unpack(context, record, live, options);
    return true;
  } catch (error) {
    // It ended before the first byte was written.
    if (!(error instanceof FilesError) || error.kind !== 'gone') throw error;
    await context.live.get(record.id)?.exit;
    return false;
  }
}

/** False when it runs by now. Its lock is held to the end: no start in the middle, and nobody else mounts the layers. */
function intoStopped(context: EngineContext, id: string, options: CopyToOptions): Promise<boolean> {
  return context.locks.run(id, async () => {
    if (context.live.has(id)) return false;
    const record = recordNow(context.state.containers, id);
    const attempt = record.criId === '' ? undefined : await snapshotMounts(context, record.criId, options.signal);
    await holding(context, (holder) =>
      attempt === undefined
        ? intoStage(context, record, options, holder)
        : intoAttempt(context, record, attempt, options, holder),
    );
    return true;
  });
}

/** There is no file system yet but the one that the next start begins with. */
async function intoStage(
  context: EngineContext,
  record: ContainerRecord,
  options: CopyToOptions,
  holder: string,
): Promise<void> {
  const stage = await openStage(context, record);
  if (record.startedAt === 0n) await seed(context, stage, record, holder);
  const mounts = await stageMounts(context, stage);
  await unpack(
    context,
    record,
    [...writingArgs(mounts, (await mountPoints(context)).root), ...(await mountArgs(context, record, holder))],
    options,
  );
}

/** What is left of the last attempt shows the files at once; they go to the stage too, for the next start makes a fresh one. */
async function intoAttempt(
  context: EngineContext,
  record: ContainerRecord,
  attempt: readonly SnapshotMount[],
  options: CopyToOptions,
  holder: string,
): Promise<void> {
  const { root } = await mountPoints(context);
  const args = [...writingArgs(attempt, root), ...(await mountArgs(context, record, holder))];
  await unpack(context, record, args, options, async (base) => {
    // What goes into a volume or a directory of the host is there at the next start anyway.
    if (mountOf(record, base) !== undefined) return [];
    const stage = await stageMounts(context, await openStage(context, record));
    // There the directory may not be, and what is mounted in it is somebody else's.
    const shadows = record.config.mounts.map(({ target }) => `shadow=${target}`);
    return [await open(context, [...writingArgs(stage, root), 'parents=1', ...shadows], base, options)];
  });
}

async function stageMounts(context: EngineContext, key: string): Promise<readonly SnapshotMount[]> {
  return (await context.containerd.snapshots.mounts({ snapshotter: context.snapshotter, key })).mounts;
}

interface Opened {
  readonly job: FilesJob;
  /** The directory with all links followed. */
  readonly base: string;
}

async function open(
  context: EngineContext,
  root: readonly string[],
  path: string,
  { keepOwner, signal }: CopyToOptions,
): Promise<Opened> {
  const job = startJob(context, [...root, `owner=${keepOwner ? 'keep' : 'root'}`, 'unpack', path], signal);
  const said = await readTexts(job.stdout, 1);
  job.discard();
  if (said !== undefined) return { job, base: said.texts[0] ?? '' };
  await job.done;
  throw new Error('k3c-files said nothing');
}

/** @param beside given the directory, what else gets the same files */
async function unpack(
  context: EngineContext,
  record: ContainerRecord,
  root: readonly string[],
  options: CopyToOptions,
  beside: (base: string) => Promise<readonly Opened[]> = async () => [],
): Promise<void> {
  const first = await open(context, root, absolute(options.path), options);
  const jobs = [first.job];
  try {
    checkWritable(record, first.base);
    for (const { job } of await beside(first.base)) jobs.push(job);
    await feed(jobs, plainTar(options.data));
    // The first that fails ends all: the others wait for input that does not come any more.
    await Promise.all(jobs.map(({ done }) => done));
  } finally {
    for (const job of jobs) job.stop();
  }
}

/** docker's two refusals. */
function checkWritable(record: ContainerRecord, path: string): void {
  const mount = mountOf(record, path);
  const refuse = (message: string) => {
    throw new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input' });
  };
  if (mount?.readOnly === true) refuse('mounted volume is marked read-only');
  if (mount === undefined && record.spec.readOnly) refuse('container rootfs is marked read-only');
}
