/** Out of containers: stat, cp, export. */
import { posix } from 'node:path';
import { type FileStat, FilesError, readStat } from '../../../../host/files-helper.ts';
import type { ContainerRecord } from '../../../state/containers.ts';
import type { EngineContext } from '../context.ts';
import { recordNow } from '../identity.ts';
import { seedVolumes } from '../seed-volumes.ts';
import { filesError } from './failure.ts';
import { liveArgs, mountPoints, startJob, withStoppedRoot } from './job.ts';
import { readingArgs } from './layers.ts';
import { holding, mountArgs } from './mounts.ts';

/** Where what is read goes. */
export interface ReadSink {
  stat(stat: FileStat): Promise<void>;
  data(chunk: Buffer): Promise<void>;
}

/** What lies at a path. NOT_FOUND (path-not-found). */
export async function statPath(
  context: EngineContext,
  record: ContainerRecord,
  path: string,
  signal: AbortSignal,
): Promise<FileStat> {
  const found = Promise.withResolvers<FileStat>();
  const sink = { stat: async (stat: FileStat) => found.resolve(stat), data: async () => undefined };
  await read(context, record, { args: ['stat', absolute(path)], path, bare: false }, sink, signal);
  return await found.promise;
}

/**
 * A file or tree as tar.
 * @param name of the first entry; empty: the last part of the path, `.` where the path ends so
 */
export async function copyFrom(
  context: EngineContext,
  record: ContainerRecord,
  from: { readonly path: string; readonly name: string },
  sink: ReadSink,
  signal: AbortSignal,
): Promise<void> {
  const path = absolute(from.path);
  const name = from.name || posix.basename(path) || '.';
  await read(context, record, { args: ['pack', path, name], path: from.path, bare: false }, sink, signal);
  context.emit(record, 'archive-path');
}

/** The whole root file system as tar, without what is mounted in it. */
export async function exportContainer(
  context: EngineContext,
  record: ContainerRecord,
  sink: Pick<ReadSink, 'data'>,
  signal: AbortSignal,
): Promise<void> {
  const all = { stat: async () => undefined, data: sink.data };
  await read(context, record, { args: ['pack', '/', ''], path: '/', bare: true }, all, signal);
  context.emit(record, 'export');
}

/** docker takes every path from the root on. What a slash or a dot at its end says is kept. */
export function absolute(path: string): string {
  const clean = posix.normalize(`/${path}`).replace(/(.)\/$/, '$1');
  if (/(^|\/)\.$/.test(path)) return posix.join(clean, '/').concat('.');
  return path.endsWith('/') && clean !== '/' ? `${clean}/` : clean;
}

interface Reading {
  readonly args: readonly string[];
  readonly path: string;
  readonly bare: boolean;
}

async function read(
  context: EngineContext,
  record: ContainerRecord,
  what: Reading,
  sink: ReadSink,
  signal: AbortSignal,
): Promise<void> {
  const live = await liveArgs(context, record.id, what.bare);
  try {
    if (live !== undefined) {
      try {
        return await run(context, [...live, ...what.args], sink, signal);
      } catch (error) {
        // It ended before the first byte was read, and is looked at as what it is by now.
        if (!(error instanceof FilesError) || error.kind !== 'gone') throw error;
        await context.live.get(record.id)?.exit;
      }
    }
    const now = recordNow(context.state.containers, record.id);
    await withStoppedRoot(context, now, signal, async ({ key, mounts }) => {
      const { root } = await mountPoints(context);
      // docker fills volumes when a container is created, k3c at its first start: whoever looks before finds them filled, too.
      await holding(context, async (holder) => {
        if (!what.bare && now.startedAt === 0n) await seed(context, key, now, holder);
        const mounted = what.bare ? [] : await mountArgs(context, now, holder);
        await run(context, [...readingArgs(mounts, root), ...mounted, ...what.args], sink, signal);
      });
    });
  } catch (error) {
    throw filesError(error, record.name, what.path);
  }
}

/** Makes and fills the volumes of a container that never ran. */
export async function seed(
  context: EngineContext,
  key: string,
  record: ContainerRecord,
  holder: string,
): Promise<void> {
  // Makes their directories.
  await mountArgs(context, record, holder);
  await seedVolumes(context, key, record.config.mounts);
}

async function run(
  context: EngineContext,
  args: readonly string[],
  sink: ReadSink,
  signal: AbortSignal,
): Promise<void> {
  const job = startJob(context, args, signal);
  try {
    const output = await readStat(job.stdout);
    if (output !== undefined) {
      await sink.stat(output.stat);
      for await (const chunk of output.rest) await sink.data(chunk);
    }
    await job.done;
  } finally {
    job.stop();
  }
}
