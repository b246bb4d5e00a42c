/** `inspect` of an image: docker's document (its API 1.48, which dropped the fields of the builder's container). */
import type { StoredImage } from './catalog.ts';
import { namesOf } from './names.ts';
import type { ImageParts } from './parts.ts';
import type { ImageSizes } from './sizes.ts';

/** docker's client knows these fields where the configuration lacks them: templates of users name them. */
const EMPTY_CONFIG = { User: '', Env: null, Cmd: null, Volumes: null, WorkingDir: '', Entrypoint: null, Labels: null };

/** The document of one image. Throws as Catalog.find does. */
export async function inspectImage(
  parts: ImageParts,
  sizes: ImageSizes,
  name: string,
  signal?: AbortSignal,
): Promise<Record<string, unknown>> {
  const { image } = await parts.catalog.find(name, signal);
  const { content } = image;
  const { config } = content;
  const { tags, digests } = namesOf(image);
  const { mediaType, digest, size } = content.manifestDescriptor;
  const history = config.history ?? [];
  const comment = history.at(-1)?.comment;
  return {
    Id: image.id,
    RepoTags: tags,
    RepoDigests: digests,
    ...(comment !== undefined && { Comment: comment }),
    ...(config.created !== undefined && { Created: config.created }),
    Author: config.author ?? '',
    Config: { ...EMPTY_CONFIG, ...config.config },
    Architecture: config.architecture,
    ...(config.variant !== undefined && { Variant: config.variant }),
    Os: config.os,
    Size: await sizes.of(content, signal),
    GraphDriver: { Name: parts.snapshotter, Data: null },
    RootFS: { Type: 'layers', Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: lastTagTime(image) },
    Descriptor: { mediaType, digest, size },
  };
}

/** RFC 3339; docker's zero time when nothing names the image. */
function lastTagTime(image: StoredImage): string {
  const times = image.records.filter((record) => record.reference?.tag !== undefined).map((each) => each.updatedAt);
  if (times.length === 0) return '0001-01-01T00:00:00Z';
  let latest = 0n;
  for (const time of times) if (time > latest) latest = time;
  return new Date(Number(latest / 1_000_000n)).toISOString();
}
