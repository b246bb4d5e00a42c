/** The image engine: everything that k3c does with images, on containerd's own store. */
import type { Log } from '../../../host/log.ts';
import type { Containerd } from '../../backends/containerd.ts';
import { Catalog } from './catalog.ts';
import { ContentStore } from './content.ts';
import { Manifests } from './manifests.ts';
import { ImageRecords } from './records.ts';
import { type ResolvedImage, resolveImage } from './resolve.ts';

export interface ImageEngineOptions {
  readonly containerd: Containerd;
  readonly snapshotter: string;
  readonly log: Log;
}

export type ImageEngine = ReturnType<typeof createImageEngine>;

export function createImageEngine(options: ImageEngineOptions) {
  const { containerd, log } = options;
  const content = new ContentStore(containerd.content);
  const manifests = new Manifests(content);
  const records = new ImageRecords(containerd, log);
  const catalog = new Catalog(records, manifests, log);
  return {
    /** Throws NOT_FOUND image-not-found, INVALID_ARGUMENT bad-input. */
    resolve: (name: string, signal?: AbortSignal): Promise<ResolvedImage> =>
      resolveImage(name, { records, manifests, catalog }, signal),
  };
}
