/** Where archives go that a build hands to the client. */

import { once } from 'node:events';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { ByteSink } from '../session/file-send.ts';
import { newId } from '../session/id.ts';

/** A file that appears under its name only when it is complete. */
export async function fileSink(path: string): Promise<ByteSink> {
  const partial = `${path}.${newId()}.partial`;
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const file: FileHandle = await open(partial, O_WRONLY | O_CREAT | O_EXCL, 0o644);
  return {
    async write(data) {
      for (let at = 0; at < data.length; ) at += (await file.write(data, at)).bytesWritten;
    },
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
