/** What a pull tells of its layers, in docker's order: all of them first, those that are here already as such. */
import { Code, hasCode } from '../../../api/errors.ts';
import type { TransferProgressEvent } from '../../backends/transfer.ts';
import { toOci } from './catalog.ts';
import { chainIds } from './chain.ts';
import { isLayerType, isManifestType, type OciDescriptor, type Platform } from './oci.ts';
import type { ImageParts } from './parts.ts';
import { LayerProgressView, type LayerUpdate } from './progress.ts';

export class PullProgress {
  readonly #parts: Pick<ImageParts, 'manifests' | 'containerd' | 'snapshotter' | 'log'>;
  readonly #platform: Platform;
  readonly #tell: (layer: LayerUpdate) => void;
  readonly #view = new LayerProgressView('pull');
  #manifest: OciDescriptor | undefined;
  #announced: Promise<void> | undefined;
  /** What happened before the layers were named. */
  #early: TransferProgressEvent[] | undefined = [];

  constructor(
    parts: Pick<ImageParts, 'manifests' | 'containerd' | 'snapshotter' | 'log'>,
    platform: Platform,
    tell: (layer: LayerUpdate) => void,
  ) {
    this.#parts = parts;
    this.#platform = platform;
    this.#tell = tell;
  }

  /** Whether any layer was really transferred, as far as is known. */
  get moved(): boolean {
    return this.#view.moved;
  }

  /** Takes the next event. containerd names the layers to fetch only when manifest and configuration are here. */
  apply(event: TransferProgressEvent): void {
    const { desc } = event;
    if (desc === undefined) return;
    if (isManifestType(desc.mediaType)) this.#manifest ??= toOci(desc);
    if (!isLayerType(desc.mediaType)) return;
    if (this.#early !== undefined) {
      this.#early.push(event);
      this.#announced ??= this.#announce();
    } else this.#show(event);
  }

  /** Brings every layer to its end, once the transfer has succeeded. With `quiet` nothing is told of layers that were here. */
  async finish(options: { readonly quiet: boolean }): Promise<void> {
    if (this.#announced === undefined && !options.quiet) this.#announced = this.#announce();
    await this.#announced;
    for (const update of this.#view.finish()) this.#tell(update);
  }

  #show(event: TransferProgressEvent): void {
    const update = this.#view.apply(event);
    if (update !== undefined) this.#tell(update);
  }

  async #announce(): Promise<void> {
    try {
      for (const { layer, isHere } of await this.#layers()) this.#tell(this.#view.announce(layer, isHere));
    } catch (error) {
      // Progress is worth no failed pull: the pull itself will say what is wrong.
      this.#parts.log.debug({ err: error }, 'cannot tell the layers of a pull beforehand');
    }
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of early) this.#show(event);
  }

  async #layers(): Promise<{ readonly layer: OciDescriptor; readonly isHere: boolean }[]> {
    if (this.#manifest === undefined) return [];
    const { manifest, config } = await this.#parts.manifests.open(this.#manifest, this.#platform);
    const keys = chainIds(config.rootfs.diff_ids);
    const here = await Promise.all(keys.map((key) => this.#isUnpacked(key)));
    return manifest.layers.map((layer, i) => ({ layer, isHere: here[i] === true }));
  }

  async #isUnpacked(key: string): Promise<boolean> {
    const { containerd, snapshotter } = this.#parts;
    try {
      await containerd.snapshots.stat({ snapshotter, key });
      return true;
    } catch (error) {
      if (hasCode(error, Code.NOT_FOUND)) return false;
      throw error;
    }
  }
}
