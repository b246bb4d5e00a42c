/** Standard input of a build: a Dockerfile or an archive, told apart by its first bytes. */
import { Readable } from 'node:stream';
import { Code, K3cError } from '../../../api/errors.ts';

/** Two blocks of tar. */
const HEAD = 1024;

const MAGICS: readonly Buffer[] = [
  Buffer.from([0x1f, 0x8b, 0x08]),
  Buffer.from('BZh', 'latin1'),
  Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]),
  Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
];

export interface Input {
  /** The first bytes, at least a kilobyte unless there are fewer. */
  readonly head: Buffer;
  /** Everything, the head included. */
  readonly whole: Readable;
}

/** Reads the beginning of a stream. */
export async function peek(stream: Readable): Promise<Input> {
  const iterator = stream[Symbol.asyncIterator]();
  const chunks: Buffer[] = [];
  let size = 0;
  while (size < HEAD) {
    const next = await iterator.next();
    if (next.done === true) break;
    const chunk = Buffer.from(next.value as Uint8Array);
    chunks.push(chunk);
    size += chunk.length;
  }
  const head = Buffer.concat(chunks);
  const rest = async function* () {
    if (head.length > 0) yield head;
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) return;
      yield Buffer.from(next.value as Uint8Array);
    }
  };
  return { head, whole: Readable.from(rest(), { objectMode: false }) };
}

/** Far more than any Dockerfile; it is held in memory, which may be the daemon's. */
const MAX_DOCKERFILE = 16 << 20;

/** All of a stream that is a Dockerfile. Throws INVALID_ARGUMENT where it is none by its size. */
export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(Buffer.from(chunk as Uint8Array));
    size += (chunk as Uint8Array).length;
    if (size > MAX_DOCKERFILE) {
      throw new K3cError(Code.INVALID_ARGUMENT, 'standard input is too large for a Dockerfile (16 MB)', {
        reason: 'bad-input',
        hint: 'a context on standard input must be a tar',
      });
    }
  }
  return Buffer.concat(chunks);
}

/** Whether this is the beginning of a tar (POSIX or GNU) or of a compressed file (gzip, bzip2, xz, zstd). */
export function isArchive(head: Buffer): boolean {
  if (MAGICS.some((magic) => head.subarray(0, magic.length).equals(magic))) return true;
  return head.subarray(257, 262).toString('latin1') === 'ustar';
}
