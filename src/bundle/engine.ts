/**
 * The engine's binaries on disk. From sources they are used where they were built; the packaged program unpacks them to
 * `ROOT/engine/DIGEST/bin`, where they stay as long as a process uses them: shims outlive the daemon and call runc by path.
 */
import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, mkdtemp, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { getRawAsset } from 'node:sea';
import { Code, K3cError } from '../api/errors.ts';
import { releaseMapping } from '../host/libc.ts';
import { type EngineFile, type EngineList, engineList } from './assets.ts';
import { isPackaged, sourcePath, unpackedDirectory } from './program.ts';
import { holdTree, sweepTrees } from './sweep.ts';

export interface Engine {
  /** The directory that holds the binaries. */
  readonly directory: string;
  /** The path of one binary, for example `containerd`. */
  path(name: string): string;
}

/** Where the engine comes from: the executable's assets. */
export interface EngineSource {
  readonly list: EngineList;
  /** The bytes of one binary. */
  read(name: string): ArrayBuffer;
  /** Told when the bytes are not needed any more. */
  release?(content: ArrayBuffer): void;
}

const binaryMode = 0o755;
const kept = 2;

function engineIn(directory: string): Engine {
  return { directory, path: (name) => join(directory, name) };
}

/** Whether every file is there in its size and ours alone to write: what a crash or a cleaner of old files leaves is not. */
async function isComplete(directory: string, files: readonly EngineFile[]): Promise<boolean> {
  const uid = process.geteuid?.() ?? 0;
  for (const { name, size } of files) {
    try {
      const status = await lstat(join(directory, name));
      const ours = (status.uid === 0 || status.uid === uid) && (status.mode & 0o022) === 0;
      if (!status.isFile() || status.size !== size || !ours || (status.mode & 0o111) === 0) return false;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  }
  return true;
}

async function writeBinary(directory: string, content: Buffer, file: EngineFile, signal: AbortSignal): Promise<void> {
  if (createHash('sha256').update(content).digest('hex') !== file.sha256) {
    throw new K3cError(Code.DATA_LOSS, `the engine's ${file.name} inside this program is damaged: download k3c again`);
  }
  await using handle = await open(join(directory, file.name), 'wx', binaryMode);
  await handle.writeFile(content, { signal });
  await handle.chmod(binaryMode);
  await handle.sync();
}

/** Moves a finished tree to its place. Whoever else finished first has won with the same content. */
async function publish(temporary: string, final: string, list: EngineList): Promise<void> {
  for (;;) {
    try {
      await rename(temporary, final);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
      if (await isComplete(join(final, 'bin'), list.files)) return;
      // Damaged: processes that still run from it keep their open files.
      await rm(final, { recursive: true, force: true });
    }
  }
}

/**
 * Makes the engine of `source` exist under `root`. Each caller fills a directory of its own and renames it, so any number may
 * do this at once, and one that is killed leaves nothing that is trusted. Trees of older versions are removed, except the
 * newest and those that a process runs from.
 */
export async function unpackFrom(source: EngineSource, root: string, signal: AbortSignal): Promise<Engine> {
  const { list } = source;
  const base = join(root, 'engine');
  const final = join(base, list.digest);
  if (!(await isComplete(join(final, 'bin'), list.files))) {
    await mkdir(base, { recursive: true, mode: 0o755 });
    const temporary = await mkdtemp(join(base, `.tmp-${process.pid}-`));
    try {
      await chmod(temporary, 0o755);
      await mkdir(join(temporary, 'bin'), { mode: 0o755 });
      for (const file of list.files) {
        const content = source.read(file.name);
        await writeBinary(join(temporary, 'bin'), Buffer.from(content), file, signal);
        source.release?.(content);
      }
      await publish(temporary, final, list);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }
  await sweepTrees(base, { current: list.digest, keep: kept, hasLocks: false });
  return engineIn(join(final, 'bin'));
}

/** Makes this program's engine exist under `root` and returns it; from sources it is where vendor.ts built it. */
export async function unpackEngine(root: string, signal: AbortSignal): Promise<Engine> {
  if (!isPackaged()) return engineIn(sourcePath('vendor-bin/bin'));
  const source: EngineSource = {
    list: engineList(),
    read: (name) => getRawAsset(`engine/${name}`) as ArrayBuffer,
    // What was read through the executable's mapping would count as the daemon's memory for as long as it lives.
    release: releaseMapping,
  };
  return unpackFrom(source, root, signal);
}

/**
 * Removes what older versions of k3c were unpacked to beside this one's own files, except the newest and those in use.
 * For the daemon: a client must not spend its time on it. Does nothing when run from sources.
 */
export async function sweepUnpackedPrograms(): Promise<void> {
  if (!isPackaged()) return;
  const directory = unpackedDirectory();
  await sweepTrees(dirname(directory), { current: basename(directory), keep: kept, hasLocks: true });
}

/**
 * Keeps this program's own files from the daemons of other PID namespaces that share them, which cannot see that they are in use.
 * Returns what ends that. Does nothing when run from sources.
 */
export function holdUnpackedProgram(): Promise<() => Promise<void>> {
  if (!isPackaged()) return Promise.resolve(() => Promise.resolve());
  const directory = unpackedDirectory();
  return holdTree(dirname(directory), basename(directory));
}
