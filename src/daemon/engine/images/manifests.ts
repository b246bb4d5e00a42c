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

/** Reads manifests and configurations; they never change under their digest, so each is read once. */
export class Manifests {
  readonly #content: ContentStore;
  readonly #known = new Map<string, ImageContent>();

  constructor(content: ContentStore) {
    this.#content = content;
  }

  /**
   * The image behind a record's target: the host's platform first, else the first one whose content is here.
   *
   * @throws NOT_FOUND when no platform of it is complete enough to have a configuration
   */
  async open(target: OciDescriptor, platform: Platform = hostPlatform(), signal?: AbortSignal): Promise<ImageContent> {
    const key = `${target.digest} ${platform.os}/${platform.architecture}/${platform.variant ?? ''}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const image = isIndexType(target.mediaType)
      ? await this.#fromIndex(target, platform, signal)
      : await this.#fromManifest(target, signal);
    this.#known.set(key, image);
    return image;
  }

  /** Forgets what belongs to targets that are no longer recorded. */
  retain(targets: ReadonlySet<string>): void {
    for (const key of this.#known.keys()) {
      if (!targets.has(key.slice(0, key.indexOf(' ')))) this.#known.delete(key);
    }
  }

  /** The platforms of an index with the descriptors of their manifests; attestations are left out. */
  async manifestsOf(target: OciDescriptor, signal?: AbortSignal): Promise<readonly OciDescriptor[]> {
    const index = asObject(await this.#content.readJson(target.digest, signal), target.digest) as OciIndex;
    return (index.manifests ?? []).filter(
      (each) =>
        isManifestType(each.mediaType) &&
        each.platform?.os !== 'unknown' &&
        each.annotations?.['vnd.docker.reference.type'] !== 'attestation-manifest',
    );
  }

  async #fromIndex(target: OciDescriptor, platform: Platform, signal?: AbortSignal): Promise<ImageContent> {
    const manifests = await this.manifestsOf(target, signal);
    const preferred = (each: OciDescriptor) => each.platform !== undefined && platformMatches(platform, each.platform);
    const ordered = [...manifests.filter(preferred), ...manifests.filter((each) => !preferred(each))];
    for (const descriptor of ordered) {
      try {
        return await this.#fromManifest(descriptor, signal);
      } catch (error) {
        // A platform that was never fetched.
        if (!hasCode(error, Code.NOT_FOUND)) throw error;
      }
    }
    throw new K3cError(Code.NOT_FOUND, `no platform of ${target.digest} is in the content store`);
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
