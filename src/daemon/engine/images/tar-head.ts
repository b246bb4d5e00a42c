/** The first bytes of a tar that somebody sends: what it is compressed with. */
import { Code, K3cError } from '../../../api/errors.ts';

const BLOCK = 512;

const refused: readonly { readonly magic: readonly number[]; readonly name: string; readonly tool: string }[] = [
  { magic: [0x42, 0x5a, 0x68], name: 'bzip2', tool: 'bunzip2' },
  { magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], name: 'xz', tool: 'unxz' },
];

export interface TarHead {
  /** A block, or all there is. */
  readonly head: Buffer;
  /** All of it, from the beginning. */
  readonly bytes: AsyncIterable<Buffer>;
}

/**
 * Looks at the first block of a tar.
 *
 * @param act for errors: `load`
 * @throws INVALID_ARGUMENT for nothing at all, and for a compression that nothing here can open
 */
export async function tarHead(bytes: AsyncIterable<Buffer>, act: string): Promise<TarHead> {
  const source = bytes[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < BLOCK) {
    const { done, value } = await source.next();
    if (done === true) break;
    head = Buffer.concat([head, value]);
  }
  const bad = refused.find(({ magic }) => startsWith(head, magic));
  if (bad !== undefined) {
    throw new K3cError(Code.INVALID_ARGUMENT, `cannot ${act} a tar compressed with ${bad.name}`, {
      reason: 'bad-input',
      hint: `pipe it through ${bad.tool} first`,
    });
  }
  if (head.length === 0) {
    throw new K3cError(Code.INVALID_ARGUMENT, `nothing to ${act}: the tar is empty`, { reason: 'bad-input' });
  }
  return { head, bytes: chain(head, source) };
}

export function startsWith(data: Buffer, magic: readonly number[]): boolean {
  return magic.every((byte, i) => data[i] === byte);
}

async function* chain(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}
