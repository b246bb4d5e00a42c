/**
 * `save`: an archive that is docker's layout (manifest.json) and an OCI layout (index.json) at once, over the same blobs: docker,
 * podman and containerd read it. Layers compressed with zstd, which docker 20.10 cannot read, go in uncompressed.
 */
import { createHash } from 'node:crypto';
import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import { familiar, isImageId, parseReference, repositoryOf } from '../../../api/reference.ts';
import { Lease } from '../../backends/leases.ts';
import type { StoredImage } from './catalog.ts';
import { mediaTypes, type OciDescriptor } from './oci.ts';
import type { ImageParts } from './parts.ts';
import { shortId } from './progress.ts';
import { type SavedLayer, savedLayers } from './saved-layers.ts';
import { directoryEntry, endOfArchive, fileEntry } from './tar-entries.ts';

/** An image of the archive and its names there, normalised. */
interface SavedImage {
  readonly image: StoredImage;
  readonly names: Set<string>;
}

/** What manifest.json says of an image (docker image spec, v1.2). */
interface DockerEntry {
  readonly Config: string;
  readonly RepoTags: readonly string[] | null;
  readonly Layers: readonly string[];
}

/**
 * Yields the archive. An image that is removed meanwhile is saved all the same.
 *
 * @param names names or ids; a repository without a tag stands for all of its tags, an id for an image without a name
 * @throws as Catalog.find does, and FAILED_PRECONDITION for an image without some of its layers, before it yields anything
 */
export async function* saveImages(
  parts: ImageParts,
  names: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const images = await chosen(parts, names, signal);
  await using lease = await Lease.create(parts.containerd.leases);
  for (const { image } of images) {
    await lease.hold(image.content.manifestDescriptor.digest);
    await checkComplete(parts, image, signal);
  }
  yield* archive(parts, images, signal);
}

/** An image may be unpacked here without its compressed layers: pods run of it, but there is nothing to give away. */
async function checkComplete(parts: ImageParts, image: StoredImage, signal?: AbortSignal): Promise<void> {
  for (const { digest } of image.content.manifest.layers) {
    if (await parts.content.has(digest, signal)) continue;
    throw new K3cError(
      Code.FAILED_PRECONDITION,
      `cannot save ${shortId(image.id)}: its layer ${shortId(digest)} is here only unpacked`,
      { reason: 'bad-input', hint: 'pull the image again' },
    );
  }
}

async function* archive(
  parts: ImageParts,
  images: readonly SavedImage[],
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const written = new Set<string>();
  const index: OciDescriptor[] = [];
  const docker: DockerEntry[] = [];
  const blob = async function* (digest: string, size: number, data: AsyncIterable<Buffer> | Iterable<Buffer>) {
    if (written.has(digest)) return;
    written.add(digest);
    yield* fileEntry(blobPath(digest), size, data);
  };
  yield directoryEntry('blobs/');
  yield directoryEntry('blobs/sha256/');
  for (const { image, names } of images) {
    const { manifest, config, manifestDescriptor } = image.content;
    const layers = await savedLayers(parts.content, manifest, config.rootfs.diff_ids, signal);
    for (const layer of layers) yield* blob(layer.digest, layer.size, layer.data());
    yield* blob(image.id, manifest.config.size, [await parts.content.read(image.id, signal)]);
    const document = await manifestOf(parts, image, layers, signal);
    yield* blob(document.digest, document.data.length, [document.data]);
    const { mediaType, platform } = manifestDescriptor;
    const { digest } = document;
    const descriptor = { mediaType, digest, size: document.data.length, ...(platform !== undefined && { platform }) };
    if (names.size === 0) index.push(descriptor);
    for (const name of names) index.push({ ...descriptor, annotations: annotationsOf(name) });
    docker.push({
      Config: blobPath(image.id),
      RepoTags: names.size === 0 ? null : [...names].map(familiar),
      Layers: layers.map((layer) => blobPath(layer.digest)),
    });
  }
  yield* jsonEntry('index.json', { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: index });
  yield* jsonEntry('manifest.json', docker);
  yield* jsonEntry('oci-layout', { imageLayoutVersion: '1.0.0' });
  yield endOfArchive();
}

/** The manifest as it is stored, or a new one where layers had to be changed. */
async function manifestOf(
  parts: ImageParts,
  { content }: StoredImage,
  layers: readonly SavedLayer[],
  signal?: AbortSignal,
): Promise<{ readonly digest: string; readonly data: Buffer }> {
  const { manifest, manifestDescriptor } = content;
  if (layers.every(({ changed }) => !changed)) {
    return { digest: manifestDescriptor.digest, data: await parts.content.read(manifestDescriptor.digest, signal) };
  }
  const descriptors = layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
  const data = Buffer.from(JSON.stringify({ ...manifest, layers: descriptors }));
  return { digest: `sha256:${createHash('sha256').update(data).digest('hex')}`, data };
}

/** The names by which containerd (the first) and podman (the second) load an image. */
function annotationsOf(name: string): Record<string, string> {
  return {
    'io.containerd.image.name': name,
    'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
  };
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

function jsonEntry(path: string, document: unknown): AsyncGenerator<Buffer> {
  const data = Buffer.from(JSON.stringify(document));
  return fileEntry(path, data.length, [data]);
}

/** The images in the order in which they were named, each once. */
async function chosen(parts: ImageParts, names: readonly string[], signal?: AbortSignal): Promise<SavedImage[]> {
  const all = await parts.catalog.images(signal);
  const saved = new Map<string, SavedImage>();
  const add = (image: StoredImage, tags: readonly string[]) => {
    const entry = saved.get(image.id) ?? { image, names: new Set() };
    for (const tag of tags) entry.names.add(tag);
    saved.set(image.id, entry);
  };
  for (const name of names) {
    const repository = bareRepository(name);
    let found = false;
    for (const image of repository === undefined ? [] : all) {
      const tags = image.records.filter(
        ({ reference }) => reference?.tag !== undefined && repositoryOf(reference) === repository,
      );
      if (tags.length > 0)
        add(
          image,
          tags.map((record) => record.name),
        );
      found ||= tags.length > 0;
    }
    if (found) continue;
    const { image, record } = await parts.catalog.find(name, signal);
    add(image, record?.reference?.tag === undefined ? [] : [record.name]);
  }
  return [...saved.values()];
}

/** The repository, where a name is one without tag or digest. */
function bareRepository(name: string): string | undefined {
  if (isImageId(name)) return undefined;
  try {
    const reference = parseReference(name);
    return reference.tag === undefined && reference.digest === undefined ? repositoryOf(reference) : undefined;
  } catch (error) {
    if (hasCode(error, Code.INVALID_ARGUMENT)) return undefined;
    throw error;
  }
}
