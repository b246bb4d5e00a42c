/**
 * Which images belong to a kubelet's garbage collection: those it pulled itself. The mark is a label on containerd's image
 * record, so it goes when the image goes and outlives the daemon.
 */
import type { Log } from '../host/log.ts';
import type { Containerd } from './backends/containerd.ts';

const LABEL = 'k3c.io/pulled-by';

export class KubeletImages {
  readonly #containerd: Containerd;
  readonly #usedByK3c: (imageId: string) => boolean;
  readonly #log: Log;
  readonly #pulled = new Set<string>();

  /** @param usedByK3c whether a container of k3c was made from the image with this id */
  constructor(containerd: Containerd, usedByK3c: (imageId: string) => boolean, log: Log) {
    this.#containerd = containerd;
    this.#usedByK3c = usedByK3c;
    this.#log = log;
  }

  /** Reads the marks of earlier daemons. */
  async load(signal: AbortSignal): Promise<void> {
    const { images } = await this.#containerd.images.list({ filters: [`labels."${LABEL}"==kubelet`] }, { signal });
    for (const image of images) this.#pulled.add(image.name);
  }

  isPinned(imageId: string): boolean {
    return !this.#pulled.has(imageId) || this.#usedByK3c(imageId);
  }

  /** Marks an image that came through the kubelet's socket; CRI keeps a record named by the image's id. */
  onPulled(imageId: string): void {
    if (this.#pulled.has(imageId)) return;
    this.#pulled.add(imageId);
    const mark = async () => {
      const { image } = await this.#containerd.images.get({ name: imageId });
      if (image === undefined) return;
      await this.#containerd.images.update({
        image: { ...image, labels: { ...image.labels, [LABEL]: 'kubelet' } },
        updateMask: [`labels.${LABEL}`],
      });
    };
    mark().catch((err: unknown) =>
      this.#log.warn(
        { image: imageId, err },
        'cannot mark an image as the kubelet’s; it stays until it is removed by hand',
      ),
    );
  }
}
