/** The directories of one daemon, made at its start. */
import { mkdir, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Code, K3cError } from '../api/errors.ts';
import type { DaemonConfig } from './config.ts';
import type { Paths } from './paths.ts';

/**
 * Root is for the daemon alone but to be walked through (shims drop privileges); so is state, whose sockets have modes of their own.
 * @throws K3cError FAILED_PRECONDITION naming what cannot be made
 */
export async function makeDirectories(paths: Paths, config: DaemonConfig): Promise<void> {
  try {
    for (const directory of [paths.root, paths.state]) await mkdir(directory, { recursive: true, mode: 0o711 });
    for (const directory of [paths.volumes, paths.logs, paths.containers, paths.fifos, paths.certs])
      await mkdir(directory, { recursive: true, mode: 0o711 });
    await mkdir(dirname(config.address), { recursive: true, mode: 0o755 });
  } catch (cause) {
    const { code, path } = cause as NodeJS.ErrnoException;
    throw new K3cError(Code.FAILED_PRECONDITION, `cannot make the directory ${path ?? paths.root} (${code})`, {
      hint: process.geteuid?.() === 0 ? 'choose others with --root and --state' : 'the k3c daemon must run as root',
      cause,
    });
  }
}

/** A tenth of the file system that a path is on, in bytes. */
export async function tenthOfDisk(path: string): Promise<number> {
  const { blocks, bsize } = await statfs(path);
  return Math.floor((blocks * bsize) / 10);
}
