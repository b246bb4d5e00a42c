/** From the descriptor that an image record points at to the manifest and configuration for a platform. */
import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import type { ContentStore } from './content.ts';
import {
  hostPlatform,
  isIndexType,
  isManifestType,
  type OciDescriptor,
  type OciImageConfig,
  type OciIndex,
  type OciManifest,
  type Platform,
  platformMatches,
} from './oci.ts';

/** One platform's image, fully described by content that is in the store. */
export interface ImageContent {
  /** Digest of the configuration: the image id. */
  readonly id: string;
  /** The platform's manifest, which is not what the record points at when that is an index. */
  readonly manifestDescriptor: OciDescriptor;
  readonly manifest: OciManifest;
  readonly config: OciImageConfig;
}

function asObject(value: unknown, digest: string): object {
  if (typeof value !== 'object' || value === null) {
    throw new K3cError(Code.DATA_LOSS, `${digest} in the content store is not an image document`);
  }
  return value;
}

/** Documents kept in memory; beyond it they are read again. */
const MAX_KNOWN = 2000;

/** Reads indexes, manifests and configurations. What is under a digest never changes, so each is read once. */
export class Manifests {
  readonly #content: ContentStore;
  readonly #indexes = new Map<string, readonly OciDescriptor[]>();
  readonly #images = new Map<string, ImageContent>();

  constructor(content: ContentStore) {
    this.#content = content;
  }

  /**
   * The image behind a record's target: the wanted platform first, else the first one whose content is here.
   *
   * @throws NOT_FOUND when no platform of it is complete enough to have a configuration
   */
  async open(target: OciDescriptor, platform: Platform = hostPlatform(), signal?: AbortSignal): Promise<ImageContent> {
    if (!isIndexType(target.mediaType)) return this.#image(target, signal);
    const manifests = await this.#manifestsOf(target, signal);
    const preferred = (each: OciDescriptor) => each.platform !== undefined && platformMatches(platform, each.platform);
    const ordered = [...manifests.filter(preferred), ...manifests.filter((each) => !preferred(each))];
    for (const descriptor of ordered) {
      // Which platforms are here changes with every pull and removal, so it is asked each time.
      if (!(await this.#content.has(descriptor.digest, signal))) continue;
      try {
        return await this.#image(descriptor, signal);
      } catch (error) {
        // A manifest that came without its configuration.
        if (!hasCode(error, Code.NOT_FOUND)) throw error;
      }
    }
    throw new K3cError(Code.NOT_FOUND, `no platform of ${target.digest} is in the content store`);
  }

  /** The ids of all platforms of a record's target that are here. */
  async ids(target: OciDescriptor, signal?: AbortSignal): Promise<readonly string[]> {
    const manifests = isIndexType(target.mediaType) ? await this.#manifestsOf(target, signal) : [target];
    const ids = await Promise.all(
      manifests.map(async (descriptor) => {
        try {
          // What was read before is not asked for again: whether it is still here makes no difference to who uses it.
          return [(await this.#image(descriptor, signal)).id];
        } catch (error) {
          if (!hasCode(error, Code.NOT_FOUND, Code.DATA_LOSS, Code.OUT_OF_RANGE, Code.INVALID_ARGUMENT)) throw error;
          return [];
        }
      }),
    );
    return ids.flat();
  }

  /** The platforms of an index with the descriptors of their manifests; attestations are left out. */
  async #manifestsOf(target: OciDescriptor, signal?: AbortSignal): Promise<readonly OciDescriptor[]> {
    const known = this.#indexes.get(target.digest);
    if (known !== undefined) return known;
    const index = asObject(await this.#content.readJson(target.digest, signal), target.digest) as OciIndex;
    const manifests = (index.manifests ?? []).filter(
      (each) =>
        isManifestType(each.mediaType) &&
        each.platform?.os !== 'unknown' &&
        each.annotations?.['vnd.docker.reference.type'] !== 'attestation-manifest',
    );
    if (this.#indexes.size >= MAX_KNOWN) this.#indexes.clear();
    this.#indexes.set(target.digest, manifests);
    return manifests;
  }

  async #image(descriptor: OciDescriptor, signal?: AbortSignal): Promise<ImageContent> {
    const known = this.#images.get(descriptor.digest);
    if (known !== undefined) return known;
    const image = await this.#fromManifest(descriptor, signal);
    if (this.#images.size >= MAX_KNOWN) this.#images.clear();
    this.#images.set(descriptor.digest, image);
    return image;
  }

  async #fromManifest(descriptor: OciDescriptor, signal?: AbortSignal): Promise<ImageContent> {
    const manifest = asObject(
      await this.#content.readJson(descriptor.digest, signal),
      descriptor.digest,
    ) as OciManifest;
    const { config, layers } = manifest;
    if (config?.digest === undefined || !Array.isArray(layers)) {
      throw new K3cError(Code.NOT_FOUND, `${descriptor.digest} is not an image manifest`);
    }
    const document = asObject(await this.#content.readJson(config.digest, signal), config.digest) as OciImageConfig;
    if (!Array.isArray(document.rootfs?.diff_ids)) {
      throw new K3cError(Code.NOT_FOUND, `${config.digest} is not an image configuration`);
    }
    return { id: config.digest, manifestDescriptor: descriptor, manifest, config: document };
  }
}
