/** containerd's progress of a transfer in docker's words, a line a layer. */
import type { TransferProgressEvent } from '../../backends/transfer.ts';
import { isLayerType, type OciDescriptor } from './oci.ts';

/** One change of one layer. */
export interface LayerUpdate {
  /** The first twelve digits of the layer's digest. */
  readonly id: string;
  readonly status: string;
  readonly current: bigint;
  readonly total: bigint;
  readonly complete: boolean;
}

interface Words {
  /** containerd's event → docker's status. */
  readonly events: Readonly<Record<string, string>>;
  /** The event after which a layer is there. */
  readonly last: readonly string[];
  /** What a layer is once the whole transfer has succeeded. */
  readonly done: string;
}

const pullWords: Words = {
  events: {
    waiting: 'Pulling fs layer',
    downloading: 'Downloading',
    complete: 'Download complete',
    extracting: 'Extracting',
    extracted: 'Pull complete',
    // The compressed layer is here; it was not unpacked, or nothing would be told of it.
    'already exists': 'Download complete',
  },
  last: ['extracted'],
  done: 'Pull complete',
};

const pushWords: Words = {
  events: {
    waiting: 'Preparing',
    uploading: 'Pushing',
    complete: 'Pushed',
    'already exists': 'Layer already exists',
  },
  last: ['complete', 'already exists'],
  done: 'Pushed',
};

interface LayerState {
  readonly size: bigint;
  status: string;
  complete: boolean;
}

export class LayerProgressView {
  readonly #words: Words;
  readonly #layers = new Map<string, LayerState>();
  #moved = false;

  constructor(direction: 'pull' | 'push') {
    this.#words = direction === 'pull' ? pullWords : pushWords;
  }

  /** Whether any layer was really transferred, as far as is known. */
  get moved(): boolean {
    return this.#moved;
  }

  /** The update that an event stands for, if it is about a layer and says something new. */
  apply(event: TransferProgressEvent): LayerUpdate | undefined {
    const { desc } = event;
    const status = this.#words.events[event.event];
    if (desc === undefined || status === undefined || !isLayerType(desc.mediaType)) return undefined;
    const known = this.#layers.get(desc.digest);
    const still = event.event === 'waiting' || event.event === 'already exists';
    // A layer is told of once more as waiting when two manifests share it.
    if (known !== undefined && (known.complete || event.event === 'waiting')) return undefined;
    if (!still) this.#moved = true;
    const complete = this.#words.last.includes(event.event);
    this.#layers.set(desc.digest, { size: desc.size, status, complete });
    return { id: shortId(desc.digest), status, current: event.progress, total: event.total, complete };
  }

  /** The first line of a layer of a pull, before anything is known of it but whether it is here. */
  announce({ digest, size }: OciDescriptor, isHere: boolean): LayerUpdate {
    const status = isHere ? 'Already exists' : 'Pulling fs layer';
    this.#layers.set(digest, { size: BigInt(size), status, complete: isHere });
    return { id: shortId(digest), status, current: 0n, total: BigInt(size), complete: isHere };
  }

  /** The updates that bring every layer to its end, once the transfer has succeeded. */
  finish(): LayerUpdate[] {
    const updates: LayerUpdate[] = [];
    for (const [digest, layer] of this.#layers) {
      if (layer.complete) continue;
      this.#moved = true;
      layer.complete = true;
      const { size } = layer;
      updates.push({ id: shortId(digest), status: this.#words.done, current: size, total: size, complete: true });
    }
    return updates;
  }
}

/** The first twelve digits of a digest. */
export function shortId(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, 12);
}
