import { createHash } from 'node:crypto';
import { compressed } from './compress.ts';
import type { Segment } from './segments.ts';

/** A file of the payload, with the parts it is compressed in (the whole file when none are given). */
export interface PayloadFile {
  readonly name: string;
  readonly mode: number;
  readonly content: Buffer;
  readonly segments?: readonly Segment[];
}

interface Packed {
  readonly file: number;
  readonly segment: Segment;
  readonly frame: Buffer;
}

const magic = 'K3CPAY02';

function uint(bytes: 2 | 4 | 8, value: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 8) buffer.writeBigUInt64LE(BigInt(value));
  else buffer.writeUIntLE(value, 0, bytes);
  return buffer;
}

function indexOf(files: readonly PayloadFile[], packed: readonly Packed[]): Buffer {
  const parts = [uint(4, files.length), uint(4, packed.length)];
  for (const file of files) {
    const name = Buffer.from(file.name);
    parts.push(uint(4, file.mode), uint(8, file.content.length), uint(2, name.length), name);
  }
  for (const { file, segment, frame } of packed) {
    parts.push(uint(4, file), uint(8, segment.offset), uint(8, segment.size), uint(8, frame.length));
    parts.push(createHash('sha256').update(frame).digest());
  }
  return Buffer.concat(parts);
}

/**
 * The launcher with its payload: frames, index and trailer as src/launcher/README.md has them. The longest segments
 * come first, so that the threads that unpack end at the same time.
 */
export async function packPayload(
  launcher: Buffer,
  files: readonly PayloadFile[],
): Promise<{ packed: Buffer; digest: string }> {
  const jobs = files.flatMap((file, index) => {
    const segments = file.segments ?? [{ offset: 0, size: file.content.length, constant: true }];
    return segments.map(async (segment): Promise<Packed> => {
      const frame = await compressed(
        file.content.subarray(segment.offset, segment.offset + segment.size),
        segment.constant ? 'small' : 'quick',
      );
      return { file: index, segment, frame };
    });
  });
  const packed = (await Promise.all(jobs)).sort((a, b) => b.segment.size - a.segment.size);
  const index = indexOf(files, packed);
  const digest = createHash('sha256').update(index).digest();
  const indexOffset = packed.reduce((sum, { frame }) => sum + frame.length, launcher.length);
  const trailer = Buffer.concat([Buffer.from(magic), uint(8, indexOffset), uint(4, index.length), uint(4, 0), digest]);
  return {
    packed: Buffer.concat([launcher, ...packed.map(({ frame }) => frame), index, trailer]),
    digest: digest.toString('hex').slice(0, 32),
  };
}
