import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { digestOf, writeWhole } from './cached.ts';
import { dist } from './places.ts';

const compress = promisify(zstdCompress);
const cache = join(dist, 'cache');
/** What changes with every edit is a few megabytes: packing it harder would cost seconds and save next to nothing. */
const levels = { small: 19, quick: 9 };

/** One zstd frame with a checksum over `data`; taken from dist/cache where it was compressed before. */
export async function compressed(data: Uint8Array, effort: keyof typeof levels): Promise<Buffer> {
  const level = levels[effort];
  const path = join(cache, `${digestOf(data)}.${level}.zst`);
  if (existsSync(path)) {
    const now = new Date();
    utimesSync(path, now, now);
    return readFileSync(path);
  }
  const frame = await compress(data, {
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_checksumFlag]: 1,
      [constants.ZSTD_c_contentSizeFlag]: 1,
    },
    pledgedSrcSize: data.length,
  });
  writeWhole(path, frame);
  return frame;
}

/** Removes frames that no build of the last days used. */
export function sweepCache(days = 3): void {
  if (!existsSync(cache)) return;
  const oldest = Date.now() - days * 24 * 3600 * 1000;
  for (const name of readdirSync(cache)) {
    const path = join(cache, name);
    if (statSync(path).mtimeMs < oldest) rmSync(path, { force: true });
  }
}
