/**
 * A directory or file of a volume, mounted by itself. What is in a volume is in the hands of containers: a link in there, or one put
 * there while we look, must not lead out of it. So each part is opened from the one before, without following links, and what is
 * mounted is what was opened, and not a path.
 */
import { closeSync, fstatSync, mkdirSync, openSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { Code, K3cError } from '../../../api/errors.ts';
import { bindMount, unmountDetached } from '../../../host/mount.ts';

/** open(2), asm-generic/fcntl.h; Node has no name for the first. */
const O_PATH = 0o10_000_000;
const O_NOFOLLOW = 0o400_000;

/**
 * Mounts it at a path where nothing is.
 * @param subpath relative, without `..`
 * @throws K3cError FAILED_PRECONDITION where it is not there or goes through a link
 */
export function mountSubpath(volume: string, subpath: string, at: string): void {
  const fd = openBelow(volume, subpath);
  try {
    const isDirectory = fstatSync(fd).isDirectory();
    if (isDirectory) mkdirSync(at, { recursive: true });
    else writeFileSync(at, '', { flag: 'wx' });
    try {
      bindMount(`/proc/self/fd/${fd}`, at);
    } catch (error) {
      if (isDirectory) rmdirSync(at);
      else rmSync(at);
      throw error;
    }
  } finally {
    closeSync(fd);
  }
}

/** Takes it away; a path where nothing is is fine. Nothing is deleted but the empty mount point. */
export function unmountSubpath(at: string): void {
  try {
    unmountDetached(at);
    rmdirSync(at);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR') rmSync(at);
    else if (code !== 'ENOENT') throw error;
  }
}

function openBelow(volume: string, subpath: string): number {
  const refuse = (why: string, cause?: unknown) =>
    new K3cError(Code.FAILED_PRECONDITION, `cannot access path ${volume}/${subpath}: ${why}`, {
      reason: 'bad-input',
      cause,
    });
  let fd = openSync(volume, O_PATH);
  try {
    for (const part of subpath.split('/').filter((each) => each !== '' && each !== '.')) {
      if (part === '..') throw refuse('it leads out of the volume');
      const next = openSync(`/proc/self/fd/${fd}/${part}`, O_PATH | O_NOFOLLOW);
      closeSync(fd);
      fd = next;
      if (fstatSync(fd).isSymbolicLink()) throw refuse('a symbolic link is not followed there');
    }
    return fd;
  } catch (error) {
    closeSync(fd);
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw refuse('no such file or directory', error);
    if (code === 'ENOTDIR') throw refuse('not a directory', error);
    throw error;
  }
}
