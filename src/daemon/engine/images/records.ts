/**
 * Image records of containerd as CRI keeps them: for one image a record by tag, one by repository and digest, and one
 * whose name is the image id; all carry the label that says that CRI manages them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode } from '../../../api/errors.ts';
import type { Image } from '../../../api/gen/services/images/v1/images.ts';
import type { Descriptor } from '../../../api/gen/types/descriptor.ts';
import type { Log } from '../../../host/log.ts';
import type { Containerd } from '../../backends/containerd.ts';

/** containerd v2.4, internal/cri/labels. */
export const managedLabel = { 'io.cri-containerd.image': 'managed' } as const;
export const PINNED_LABEL = 'io.cri-containerd.pinned';
export const PINNED = 'pinned';
/** On records that k3c made for itself. */
export const INTERNAL_LABEL = 'k3c.io/internal';

/** Names of records that live only while an archive is being loaded. */
export const LOAD_PREFIX = 'k3c.internal/load-';

/** How long CRI may take to notice a record before we go on without it. */
const CRI_PATIENCE_MS = 3000;

export class ImageRecords {
  readonly #containerd: Pick<Containerd, 'images' | 'criImages'>;
  readonly #log: Log;

  constructor(containerd: Pick<Containerd, 'images' | 'criImages'>, log: Log) {
    this.#containerd = containerd;
    this.#log = log;
  }

  async list(signal?: AbortSignal): Promise<readonly Image[]> {
    return (await this.#containerd.images.list({}, { signal })).images;
  }

  /** The record of exactly this name. */
  async get(name: string, signal?: AbortSignal): Promise<Image | undefined> {
    try {
      return (await this.#containerd.images.get({ name }, { signal })).image;
    } catch (error) {
      if (hasCode(error, Code.NOT_FOUND)) return undefined;
      throw error;
    }
  }

  /** Points a name at a target, whether the name is new or taken. The labels are added to those it has. */
  async put(
    name: string,
    target: Descriptor,
    labels: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<void> {
    const image = { name, target, labels: { ...labels } };
    try {
      await this.#containerd.images.create({ image }, { signal });
      return;
    } catch (error) {
      if (!hasCode(error, Code.ALREADY_EXISTS)) throw error;
    }
    const updateMask = ['target', ...Object.keys(labels).map((label) => `labels.${label}`)];
    try {
      await this.#containerd.images.update({ image, updateMask }, { signal });
    } catch (error) {
      // Removed by somebody between the two calls.
      if (!hasCode(error, Code.NOT_FOUND)) throw error;
      await this.#containerd.images.create({ image }, { signal });
    }
  }

  /**
   * Takes a name away while it still points at this digest.
   *
   * @param collect wait until what only this record kept alive is freed
   * @returns whether there was such a record
   */
  async delete(name: string, target: Descriptor, collect: boolean, signal?: AbortSignal): Promise<boolean> {
    try {
      await this.#containerd.images.delete({ name, target, sync: collect }, { signal });
      return true;
    } catch (error) {
      if (hasCode(error, Code.NOT_FOUND)) return false;
      throw error;
    }
  }

  /**
   * Makes the records that CRI would make after a pull: the image's id, then each name.
   *
   * @param own what the record by id points at where that is not the target: one platform of an index
   */
  async adopt(
    id: string,
    names: readonly string[],
    target: Descriptor,
    labels: Readonly<Record<string, string>> = {},
    signal?: AbortSignal,
    own: Descriptor = target,
  ): Promise<void> {
    // The id first: it keeps the image alive when a name moves on, and CRI's own handler relies on it.
    await this.put(id, own, { ...managedLabel, ...labels }, signal);
    for (const name of names) await this.put(name, target, { ...managedLabel, ...labels }, signal);
  }

  /** Waits until CRI, which follows containerd's events, resolves a name to an id, or to nothing for `undefined`. */
  async settled(name: string, id: string | undefined, signal?: AbortSignal): Promise<void> {
    const deadline = Date.now() + CRI_PATIENCE_MS;
    for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
      const { image } = await this.#containerd.criImages.imageStatus({ image: { image: name } }, { signal });
      if (id === undefined ? image === undefined : image?.id === id) return;
      if (Date.now() > deadline) {
        this.#log.warn({ image: name, id }, 'CRI has not taken up an image yet');
        return;
      }
      await sleep(pause, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** Takes away all records whose names begin so. Not to be aborted: it cleans up. */
export async function removeByPrefix(records: ImageRecords, prefix: string): Promise<void> {
  try {
    for (const { name, target } of await records.list()) {
      if (name.startsWith(prefix) && target !== undefined) await records.delete(name, target, false);
    }
  } catch (error) {
    // containerd is gone, which whoever calls knows already; the next start of the daemon takes them away.
    if (!hasCode(error, Code.UNAVAILABLE)) throw error;
  }
}
