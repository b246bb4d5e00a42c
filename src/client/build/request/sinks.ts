/** Where archives go that a build hands to the client. */

import { once } from 'node:events';
import { constants } from 'node:fs';
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { getSystemErrorMessage } from 'node:util';
import { Code, K3cError } from '../../../api/errors.ts';
import type { ByteSink } from '../session/file-send.ts';
import { newId } from '../session/id.ts';

/**
 * Where an archive goes that the user names by a path: a file appears when it is complete, in place of an older one; a link stays
 * one. What is no file (a FIFO, a device) is written to as it is: its reader waits there.
 *
 * @throws K3cError that names the path, as all that the sink does
 */
export async function pathSink(path: string): Promise<ByteSink> {
  const named = <T>(act: () => Promise<T>): Promise<T> =>
    act().catch((cause: unknown) => Promise.reject(failed(path, cause)));
  const sink = await named(() => openSink(path));
  return {
    write: (data) => named(() => sink.write(data)),
    commit: () => named(() => sink.commit()),
    abort: () => sink.abort(),
  };
}

function failed(path: string, cause: unknown): unknown {
  const { errno } = cause as NodeJS.ErrnoException;
  if (errno === undefined) return cause;
  return new K3cError(Code.FAILED_PRECONDITION, `cannot write ${path}: ${getSystemErrorMessage(errno)}`, { cause });
}

async function openSink(path: string): Promise<ByteSink> {
  const there = await stat(path).catch(ignoreMissing);
  if (there === undefined || there.isFile()) return fileSink(there === undefined ? path : await realpath(path));
  const file = await open(path, constants.O_WRONLY);
  return {
    write: (data) => writeAll(file, data),
    commit: () => file.close(),
    abort: () => file.close(),
  };
}

async function fileSink(path: string): Promise<ByteSink> {
  const partial = `${path}.${newId()}.partial`;
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const file: FileHandle = await open(partial, O_WRONLY | O_CREAT | O_EXCL, 0o644);
  return {
    write: (data) => writeAll(file, data),
    async commit() {
      await file.close();
      await rename(partial, path);
    },
    async abort() {
      await file.close();
      await rm(partial, { force: true });
    },
  };
}

async function writeAll(file: FileHandle, data: Buffer): Promise<void> {
  for (let at = 0; at < data.length; ) at += (await file.write(data, at)).bytesWritten;
}

function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  return undefined;
}

/** Standard output. What went out cannot be taken back. */
export function streamSink(stream: NodeJS.WritableStream): ByteSink {
  return {
    async write(data) {
      if (!stream.write(data)) await once(stream, 'drain');
    },
    commit: async () => undefined,
    abort: async () => undefined,
  };
}
