/** `load`: images of a docker or OCI archive, as docker, podman and containerd save them. */
import { randomUUID } from 'node:crypto';
import { Code, K3cError, toK3cError } from '../../../api/errors.ts';
import { familiar, normalize } from '../../../api/reference.ts';
import type { Metadata } from '../../../api/rpc/types.ts';
import { withLease } from '../../backends/leases.ts';
import { transfer } from '../../backends/transfer.ts';
import { toOci } from './catalog.ts';
import { hostPlatform } from './oci.ts';
import type { ImageParts } from './parts.ts';
import { LOAD_PREFIX, removeByPrefix } from './records.ts';
import { tarHead } from './tar-head.ts';

/** A loaded image: by name where the archive gives it one, else by id. */
export interface LoadedImage {
  /** Familiar form; undefined for an image without a name. */
  readonly name: string | undefined;
  readonly id: string;
}

/** Throws INVALID_ARGUMENT when the bytes are no image archive. */
export async function loadImages(
  parts: ImageParts,
  bytes: AsyncIterable<Buffer>,
  signal?: AbortSignal,
): Promise<LoadedImage[]> {
  const { bytes: archive } = await tarHead(bytes, 'load');
  // Images that the archive gives no full name are recorded under this until we know their ids.
  const nameless = `${LOAD_PREFIX}${randomUUID()}`;
  const saved: string[] = [];
  return withLease(parts.containerd.leases, { signal }, async (metadata) => {
    try {
      await fetchArchive(parts, archive, nameless, saved, { metadata, signal });
      // The first record is that of the archive's own index, which is nobody's image.
      if (saved[0]?.startsWith(nameless)) saved.shift();
      const loaded: LoadedImage[] = [];
      for (const name of saved) {
        const image = await take(parts, name, name.startsWith(nameless), signal);
        if (image !== undefined) loaded.push(image);
      }
      if (loaded.length > 0) return loaded;
      throw new K3cError(Code.INVALID_ARGUMENT, 'the archive holds no image for this machine', { reason: 'bad-input' });
    } finally {
      await removeByPrefix(parts.records, nameless);
    }
  });
}

/** Hands the archive to containerd; the names of the records that it makes are added to `saved`. */
async function fetchArchive(
  parts: ImageParts,
  bytes: AsyncIterable<Buffer>,
  nameless: string,
  saved: string[],
  options: { readonly metadata: Metadata; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { os, architecture } = hostPlatform();
  try {
    await transfer(parts.containerd, {
      source: { kind: 'archive', bytes },
      destination: {
        kind: 'images',
        store: {
          extraReferences: [
            { name: nameless, isPrefix: true, allowOverwrite: true, addDigest: true, skipNamedDigest: true },
          ],
          unpacks: [{ platform: { os, architecture }, snapshotter: parts.snapshotter }],
        },
      },
      onProgress: (event) => {
        if (event.event === 'saved') saved.push(event.name);
      },
      ...options,
    });
  } catch (error) {
    throw loadError(error);
  }
}

/** Gives a fresh record what CRI needs; a nameless one becomes its id alone. */
async function take(
  parts: ImageParts,
  saved: string,
  isNameless: boolean,
  signal?: AbortSignal,
): Promise<LoadedImage | undefined> {
  const target = (await parts.records.get(saved, signal))?.target;
  if (target === undefined) return undefined;
  const { id } = await parts.manifests.open(toOci(target), undefined, signal);
  // Archives may have short names; in the store they are whole.
  const name = isNameless ? undefined : normalize(saved);
  await parts.exclusively(async () => {
    await parts.records.adopt(id, name === undefined ? [] : [name], target, {}, signal);
    if (name !== saved) await parts.records.delete(saved, target, false, signal);
  });
  await parts.records.settled(name ?? id, id, signal);
  return { name: name === undefined ? undefined : familiar(name), id };
}

function loadError(error: unknown): K3cError {
  const known = toK3cError(error);
  if (known.reason !== undefined || known.code === Code.CANCELLED) return known;
  return new K3cError(Code.INVALID_ARGUMENT, `cannot load the archive: ${known.message}`, {
    reason: 'bad-input',
    hint: 'it must be a tar of docker save or of an OCI layout; a root file system is for k3c import',
    cause: error,
  });
}
