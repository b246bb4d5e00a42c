/** What a user sends as a tar: plain, or compressed as docker takes it where Node can undo it. */
import { Readable, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { Code, K3cError } from '../../../../api/errors.ts';

const compressions: readonly { readonly magic: readonly number[]; readonly open: () => Transform }[] = [
  { magic: [0x1f, 0x8b, 0x08], open: createGunzip },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], open: createZstdDecompress },
];
const refused: readonly { readonly magic: readonly number[]; readonly name: string; readonly tool: string }[] = [
  { magic: [0x42, 0x5a, 0x68], name: 'bzip2', tool: 'bunzip2' },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], name: 'xz', tool: 'unxz' },
];
const HEAD = 6;

/** The tar itself. Throws INVALID_ARGUMENT for what cannot be uncompressed. */
export async function* plainTar(data: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const source = data[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < HEAD) {
    const { done, value } = await source.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  const begins = ({ magic }: { readonly magic: readonly number[] }) => magic.every((byte, i) => head[i] === byte);
  const bad = refused.find(begins);
  if (bad !== undefined)
    throw new K3cError(Code.INVALID_ARGUMENT, `cannot unpack a tar compressed with ${bad.name}`, {
      reason: 'bad-input',
      hint: `pipe it through ${bad.tool} first`,
    });
  const whole = joined(head, source);
  const compression = compressions.find(begins);
  if (compression === undefined) {
    yield* whole;
    return;
  }
  const unpacked = compression.open();
  const input = Readable.from(whole);
  input.on('error', (error) => unpacked.destroy(error));
  input.pipe(unpacked);
  try {
    yield* unpacked as AsyncIterable<Buffer>;
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code !== 'string' || !/^(Z_|ZSTD_|ERR_ZSTD)/.test(code)) throw error;
    throw new K3cError(Code.INVALID_ARGUMENT, 'the compressed tar is damaged or incomplete', {
      reason: 'bad-input',
      cause: error,
    });
  } finally {
    input.destroy();
  }
}

async function* joined(head: Buffer, source: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (head.length > 0) yield head;
  for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value;
}
