/** A tar written as a stream (POSIX ustar, with GNU's base-256 sizes beyond 8 GiB): the same bytes at any time. */
import { Header } from 'tar';
import { Code, K3cError } from '../../../api/errors.ts';

const BLOCK = 512;

export function directoryEntry(path: string): Buffer {
  return headerBlock({ path, mode: 0o755, size: 0, type: 'Directory' });
}

/** A file's entry from data of exactly this size. Throws DATA_LOSS when there is more or less of it. */
export async function* fileEntry(
  path: string,
  size: number,
  data: AsyncIterable<Buffer> | Iterable<Buffer>,
): AsyncGenerator<Buffer> {
  yield headerBlock({ path, mode: 0o644, size, type: 'File' });
  let written = 0;
  for await (const chunk of data) {
    written += chunk.length;
    if (written > size) break;
    yield chunk;
  }
  if (written !== size) {
    throw new K3cError(Code.DATA_LOSS, `${path} should have ${size} bytes, but the store gave ${written}`);
  }
  const padding = (BLOCK - (size % BLOCK)) % BLOCK;
  if (padding > 0) yield Buffer.alloc(padding);
}

export function endOfArchive(): Buffer {
  return Buffer.alloc(2 * BLOCK);
}

function headerBlock(fields: {
  readonly path: string;
  readonly mode: number;
  readonly size: number;
  readonly type: 'File' | 'Directory';
}): Buffer {
  const header = new Header({ ...fields, uid: 0, gid: 0, mtime: new Date(0) });
  header.encode();
  const { block } = header;
  if (block === undefined) throw new Error('tar made no header block');
  return block;
}
