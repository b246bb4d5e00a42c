/** What a container changed: for diff as lines, for commit as a layer. */
import { readFile } from 'node:fs/promises';
import type { ContainerRecord } from '../../../state/containers.ts';
import type { EngineContext } from '../context.ts';
import { INIT_MOUNT } from '../init-mount.ts';
import { filesError } from './failure.ts';
import { mountPoints, startJob, withStoppedRoot, withView } from './job.ts';
import { comparingArgs } from './layers.ts';
import { imageSnapshot, readStage } from './stage.ts';

export interface FileChange {
  /** Added, changed, deleted. */
  readonly kind: string;
  readonly path: string;
}

/**
 * Mount points that the runtime makes where an image has none. docker has them in a layer of their own below the container's;
 * here they are not changes as long as nothing is in them.
 */
const STUBS: readonly string[] = [
  ...['/dev', '/dev/console', '/dev/pts', '/dev/shm', '/dev/mqueue', '/proc', '/sys'],
  ...['/etc', '/etc/hosts', '/etc/hostname', '/etc/resolv.conf', '/sbin', INIT_MOUNT],
];

/** The changes in the order of paths, in batches. */
export async function diffContainer(
  context: EngineContext,
  record: ContainerRecord,
  send: (changes: readonly FileChange[]) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  await withChanges(context, record, 'changes', signal, async (output) => {
    let rest: string | undefined = '';
    const decoder = new TextDecoder();
    for await (const chunk of output) {
      const texts: string[] = `${rest}${decoder.decode(chunk, { stream: true })}`.split('\0');
      rest = texts.pop();
      if (texts.length > 0) await send(texts.map((text) => ({ kind: text.slice(0, 1), path: text.slice(1) })));
    }
  });
}

/** Lends the changes as the tar of a layer (OCI image-spec, layer.md). */
export function withLayer<T>(
  context: EngineContext,
  record: ContainerRecord,
  signal: AbortSignal,
  act: (tar: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  return withChanges(context, record, 'layer', signal, act);
}

async function withChanges<T>(
  context: EngineContext,
  record: ContainerRecord,
  role: 'changes' | 'layer',
  signal: AbortSignal,
  act: (output: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  const image = await imageSnapshot(context, record);
  const { layers } = await readStage(context, record.id);
  try {
    return await withView(context, image, signal, (below) =>
      withStoppedRoot(context, record, signal, async ({ mounts }) => {
        const quick = layers.length === 0 && (await upperTellsAll());
        const args = comparingArgs(below.mounts, mounts, quick, await mountPoints(context));
        const job = startJob(context, [...args, ...STUBS.map((path) => `stub=${path}`), role], signal);
        try {
          const result = await act(whole(job.stdout, job.done));
          await job.done;
          return result;
        } finally {
          job.stop();
        }
      }),
    );
  } catch (error) {
    throw filesError(error, record.name, '/');
  }
}

/** An output that ends well only where its job does: half a layer must not be taken for a whole one. */
async function* whole(output: AsyncIterable<Buffer>, done: Promise<void>): AsyncGenerator<Buffer> {
  yield* output;
  await done;
}

/** An overlay that may hold renamed directories or bare metadata says only together with its lower layers what changed. */
async function upperTellsAll(): Promise<boolean> {
  for (const name of ['redirect_dir', 'metacopy']) {
    const value = await readFile(`/sys/module/overlay/parameters/${name}`, 'utf8').catch(() => 'Y');
    if (value.startsWith('Y')) return false;
  }
  return true;
}
