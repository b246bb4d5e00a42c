/** Volumes as containers have them: recorded with the container, made at its start. On disk: <root>/volumes/NAME/_data. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { getSystemErrorMessage } from 'node:util';
import { Code, K3cError } from '../../../api/errors.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import type { ResolvedMount } from '../../state/spec.ts';
import { markRemoved } from '../volumes/removal.ts';
import { recordVolume } from '../volumes/volumes.ts';
import type { EngineContext } from './context.ts';

export function volumeData(volumes: string, name: string): string {
  return join(volumes, name, '_data');
}

/** The file that is there while a volume is being filled. */
export function seedingMark(volumes: string, name: string): string {
  return join(volumes, name, '_seeding');
}

/** Records the volumes of a container that are not there yet. Call it in the transaction that records the container. */
export function recordVolumes(
  context: Pick<EngineContext, 'state' | 'events'>,
  mounts: readonly ResolvedMount[],
  createdAt: bigint,
): void {
  for (const { volume, anonymous, volumeLabels = {}, volumeOptions = {} } of mounts) {
    if (volume !== '')
      recordVolume(context, { name: volume, anonymous, labels: volumeLabels, options: volumeOptions, createdAt });
  }
}

/** Makes the directory of a mount's source: a volume's, or, as docker's -v does, a path of the host that is not there. */
async function ensureSource(volumes: string, mount: ResolvedMount): Promise<string> {
  const path = mount.type === 'volume' ? volumeData(volumes, mount.volume) : mount.source;
  if (mount.mustExist === true) {
    if (!existsSync(path)) throw missingSource(path);
    return path;
  }
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    // A file, a socket or a device: it is there, and that is all it needs.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw sourceError(path, error);
  }
  return path;
}

/**
 * The same, and mounts there what a volume's options name; the holder keeps it mounted (context.volumeMounts).
 * @throws K3cError INVALID_ARGUMENT, FAILED_PRECONDITION in docker's words
 */
export async function openSource(context: EngineContext, mount: ResolvedMount, holder: string): Promise<string> {
  const path = await ensureSource(context.paths.volumes, mount);
  if (mount.volume === '') return path;
  await context.volumeMounts.hold(mount.volume, holder);
  return mount.subpath === undefined ? path : context.volumeMounts.subpath(mount.volume, mount.subpath, holder);
}

/** What runs goes on with its volumes mounted; what nobody holds is mounted no more. */
export async function holdLive(context: EngineContext): Promise<void> {
  for (const id of context.live.keys()) {
    const record = context.state.containers.byId(id);
    if (record === undefined) continue;
    await hold(context, record).catch((err: unknown) => {
      // The container has its own view of it already.
      context.log.warn({ err, container: id }, 'cannot mount a volume of a running container again');
    });
  }
  context.background.run('unmount volumes that nobody uses', () => context.volumeMounts.unmountStale());
}

async function hold(context: EngineContext, { id, config }: ContainerRecord): Promise<void> {
  for (const { volume } of config.mounts) if (volume !== '') await context.volumeMounts.hold(volume, id);
}

/** docker's sentence for a --mount of what is not there. */
export function missingSource(path: string): K3cError {
  return new K3cError(
    Code.INVALID_ARGUMENT,
    `invalid mount config for type "bind": bind source path does not exist: ${path}`,
    { reason: 'bad-input' },
  );
}

function sourceError(path: string, cause: unknown): K3cError {
  const { code, errno } = cause as NodeJS.ErrnoException;
  // Every directory above it was made: only a link to nothing is there and is not there.
  const why = code === 'ENOENT' ? 'it is a symbolic link to what is not there' : getSystemErrorMessage(errno ?? 0);
  return new K3cError(Code.INVALID_ARGUMENT, `error while creating mount source path '${path}': ${why}`, {
    reason: 'bad-input',
    cause,
  });
}

/**
 * Marks the anonymous volumes of a container that nobody else uses (--volumes-from) as removed; to be called in the transaction
 * that has deleted its row. Returns the names of those to be taken away after it.
 */
export function forgetAnonymous(
  context: Pick<EngineContext, 'state' | 'events'>,
  mounts: readonly ResolvedMount[],
): readonly string[] {
  const own = mounts.filter(({ anonymous }) => anonymous).map(({ volume }) => volume);
  if (own.length === 0) return [];
  const used = new Set(
    context.state.containers.list().flatMap(({ config }) => config.mounts.map(({ volume }) => volume)),
  );
  return own.filter((volume) => !used.has(volume) && markRemoved(context, volume));
}
