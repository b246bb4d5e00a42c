/** The image engine: everything that k3c does with images, on containerd's own store. */
import type { Log } from '../../../host/log.ts';
import type { Containerd } from '../../backends/containerd.ts';
import type { Credentials } from '../../backends/transfer.ts';
import { Catalog } from './catalog.ts';
import { type CommitOptions, commitImage } from './commit.ts';
import { ContentStore } from './content.ts';
import { type ImportOptions, importImage } from './import.ts';
import { inspectImage } from './inspect.ts';
import { type ListedImage, type ListOptions, listImages } from './list.ts';
import { type LoadedImage, loadImages } from './load.ts';
import { Manifests } from './manifests.ts';
import type { ImageParts, ImageUser } from './parts.ts';
import { type PullOptions, type PullResult, pullImage } from './pull.ts';
import { type PushOptions, type PushResult, pushImage } from './push.ts';
import { ImageRecords } from './records.ts';
import { type RemovedImage, removeImage } from './remove.ts';
import { type ResolvedImage, resolveImage } from './resolve.ts';
import { ImageSizes } from './sizes.ts';
import { tagImage } from './tag.ts';

export interface ImageEngineOptions {
  readonly containerd: Containerd;
  readonly snapshotter: string;
  readonly log: Log;
  /** The containers made from an image, by image id; they keep it from being removed. */
  readonly containersUsing?: (imageId: string) => Promise<readonly ImageUser[]> | readonly ImageUser[];
  /** Directory of hosts.toml files as applyRegistries writes it. */
  readonly hostDir?: string;
  /** Credentials of registries.yaml by registry host. */
  readonly registryCredentials?: (host: string) => Credentials;
}

export type ImageEngine = ReturnType<typeof createImageEngine>;

/** Makes the engine. It holds no resource of its own: whoever made the containerd client closes it. */
export function createImageEngine(options: ImageEngineOptions) {
  const { containerd, snapshotter, log } = options;
  const content = new ContentStore(containerd.content);
  const manifests = new Manifests(content);
  const records = new ImageRecords(containerd, log);
  const catalog = new Catalog(records, manifests, log);
  const sizes = new ImageSizes(containerd.snapshots, snapshotter);
  let last: Promise<unknown> = Promise.resolve();
  const parts: ImageParts = {
    containerd,
    snapshotter,
    log,
    content,
    manifests,
    records,
    catalog,
    hostDir: options.hostDir ?? '',
    registryCredentials: options.registryCredentials ?? (() => undefined),
    containersUsing: options.containersUsing ?? (() => []),
    exclusively: (work) => {
      const result = last.then(work);
      // The next in line waits for the end of this one, however it ends; its error is its caller's.
      last = result.then(
        () => undefined,
        () => undefined,
      );
      return result;
    },
  };
  return {
    /** Throws NOT_FOUND image-not-found, INVALID_ARGUMENT bad-input. */
    resolve: (name: string, signal?: AbortSignal): Promise<ResolvedImage> => resolveImage(name, parts, signal),
    list: (listOptions: ListOptions = {}): Promise<ListedImage[]> => listImages(parts, sizes, listOptions),
    inspect: (name: string, signal?: AbortSignal): Promise<Record<string, unknown>> =>
      inspectImage(parts, sizes, name, signal),
    tag: (source: string, target: string, signal?: AbortSignal): Promise<void> =>
      tagImage(parts, source, target, signal),
    remove: (name: string, force: boolean, signal?: AbortSignal): Promise<RemovedImage> =>
      removeImage(parts, name, force, signal),
    pull: (pullOptions: PullOptions): Promise<PullResult> => pullImage(parts, pullOptions),
    push: (pushOptions: PushOptions): Promise<PushResult> => pushImage(parts, pushOptions),
    load: (bytes: AsyncIterable<Buffer>, signal?: AbortSignal): Promise<LoadedImage[]> =>
      loadImages(parts, bytes, signal),
    /** Returns the image id. */
    commit: (commitOptions: CommitOptions): Promise<string> => commitImage(parts, commitOptions),
    /** Returns the image id. */
    import: (importOptions: ImportOptions): Promise<string> => importImage(parts, importOptions),
  };
}
