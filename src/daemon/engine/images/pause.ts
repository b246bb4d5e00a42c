/** The sandbox image: our own static binary in an image FROM scratch, made in the store and never pulled. */
import { readFile } from 'node:fs/promises';
import { Header } from 'tar';
import { silentLog } from '../../../host/log.ts';
import type { Containerd } from '../../backends/containerd.ts';
import { withLease } from '../../backends/leases.ts';
import { assembleImage } from './assemble.ts';
import { ContentStore } from './content.ts';
import { hostPlatform, mediaTypes } from './oci.ts';
import { ImageRecords, INTERNAL_LABEL, LOAD_PREFIX, PINNED, PINNED_LABEL } from './records.ts';

const BLOCK = 512;
const labels = { [PINNED_LABEL]: PINNED, [INTERNAL_LABEL]: 'true' };

/**
 * Makes sure that the image of this name is in the store, pinned, and known to CRI. The same binary always gives the same
 * image; records of an older one are taken away.
 *
 * @param name the normalised name that containerd's configuration has as its sandbox image
 */
export async function ensurePauseImage(
  containerd: Containerd,
  binaryPath: string,
  name: string,
  signal?: AbortSignal,
): Promise<void> {
  const content = new ContentStore(containerd.content);
  const records = new ImageRecords(containerd, silentLog);
  const layer = singleFileTar('pause', await readFile(binaryPath));
  const id = await withLease(containerd.leases, { signal }, async (metadata) => {
    const { digest, size } = await content.write([layer], { metadata, signal });
    const platform = hostPlatform();
    const image = await assembleImage(
      content,
      { mediaType: mediaTypes.ociLayer, digest, size, diffId: digest },
      { architecture: platform.architecture, os: platform.os, config: { Entrypoint: ['/pause'], User: '65535:65535' } },
      { metadata, signal },
    );
    await records.adopt(image.id, [name], image.target, labels, signal);
    return image.id;
  });
  await records.settled(name, id, signal);
  for (const record of await records.list(signal)) {
    const older = record.labels[INTERNAL_LABEL] !== undefined && record.name !== name && record.name !== id;
    // Of a daemon that was killed during a load.
    const stray = record.name.startsWith(LOAD_PREFIX);
    if ((older || stray) && record.target !== undefined)
      await records.delete(record.name, record.target, false, signal);
  }
}

/** A tar of one executable that belongs to root, the same bytes at any time (POSIX ustar). */
function singleFileTar(path: string, data: Buffer): Buffer {
  const header = new Header({ path, mode: 0o755, uid: 0, gid: 0, size: data.length, type: 'File', mtime: new Date(0) });
  header.encode();
  const { block } = header;
  if (block === undefined) throw new Error('tar made no header block');
  const padding = Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK);
  return Buffer.concat([block, data, padding, Buffer.alloc(2 * BLOCK)]);
}
