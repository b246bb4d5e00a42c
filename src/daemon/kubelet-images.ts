/**
 * Which images belong to a kubelet's garbage collection: those it pulled itself. The mark is a label on containerd's image
 * record, so it goes when the image goes and outlives the daemon.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ImageDelete } from '../api/gen/events/image.ts';
import type { Log } from '../host/log.ts';
import { type Containerd, NAMESPACE } from './backends/containerd.ts';

const LABEL = 'k3c.io/pulled-by';
/** Between two attempts while containerd is away. */
const FOLLOW_AGAIN_MS = 1000;

export class KubeletImages {
  readonly #containerd: Pick<Containerd, 'images' | 'events'>;
  readonly #usedByK3c: (imageId: string) => boolean;
  readonly #log: Log;
  readonly #pulled = new Set<string>();

  /** @param usedByK3c whether a container of k3c was made from the image with this id */
  constructor(containerd: Pick<Containerd, 'images' | 'events'>, usedByK3c: (imageId: string) => boolean, log: Log) {
    this.#containerd = containerd;
    this.#usedByK3c = usedByK3c;
    this.#log = log;
  }

  /** Reads the marks of earlier daemons. */
  async load(signal: AbortSignal): Promise<void> {
    const { images } = await this.#containerd.images.list({ filters: [`labels."${LABEL}"==kubelet`] }, { signal });
    this.#pulled.clear();
    for (const image of images) this.#pulled.add(image.name);
  }

  /**
   * Forgets images as they are removed, by whomever: one that comes back by another's pull is not the kubelet's. Returns when the
   * signal is aborted; goes on when containerd was away.
   */
  async follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const filters = [`topic=="/images/delete",namespace==${NAMESPACE}`];
        const events = this.#containerd.events.subscribe({ filters }, { signal });
        for await (const { event } of events) {
          if (event !== undefined) this.#pulled.delete(ImageDelete.decode(event.value).name);
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#log.debug({ err: error }, 'lost the events of images');
      }
      await sleep(FOLLOW_AGAIN_MS, undefined, { signal }).catch(() => undefined);
      // What was removed meanwhile nobody told of.
      if (!signal.aborted) {
        await this.load(signal).catch((err: unknown) => this.#log.debug({ err }, 'cannot ask for images yet'));
      }
    }
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
