/**
 * The size of an image: what its layers take up unpacked, as docker shows it, and as `run` uses it. An image that is not
 * unpacked here counts with its compressed layers.
 */
import { Code, hasCode } from '../../../api/errors.ts';
import type { Containerd } from '../../backends/containerd.ts';
import { chainIds } from './chain.ts';
import type { ImageContent } from './manifests.ts';

export class ImageSizes {
  readonly #snapshots: Containerd['snapshots'];
  readonly #snapshotter: string;
  /** Of committed snapshots, which never change. */
  readonly #known = new Map<string, number>();

  constructor(snapshots: Containerd['snapshots'], snapshotter: string) {
    this.#snapshots = snapshots;
    this.#snapshotter = snapshotter;
  }

  /** Bytes. */
  async of(content: ImageContent, signal?: AbortSignal): Promise<number> {
    return (await this.layers(content, signal)).reduce((sum, size) => sum + size, 0);
  }

  /** Bytes of each layer, bottom first. */
  async layers(content: ImageContent, signal?: AbortSignal): Promise<number[]> {
    const sizes = await Promise.all(chainIds(content.config.rootfs.diff_ids).map((key) => this.#snapshot(key, signal)));
    const { layers } = content.manifest;
    return sizes.map((size, i) => size ?? layers[i]?.size ?? 0);
  }

  /** Forgets what none of these images has. */
  retain(images: readonly ImageContent[]): void {
    const keys = new Set(images.flatMap((each) => chainIds(each.config.rootfs.diff_ids)));
    for (const key of this.#known.keys()) if (!keys.has(key)) this.#known.delete(key);
  }

  async #snapshot(key: string, signal?: AbortSignal): Promise<number | undefined> {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    try {
      const { size } = await this.#snapshots.usage({ snapshotter: this.#snapshotter, key }, { signal });
      this.#known.set(key, Number(size));
      return Number(size);
    } catch (error) {
      if (hasCode(error, Code.NOT_FOUND)) return undefined;
      throw error;
    }
  }
}
