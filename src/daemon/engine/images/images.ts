/** The image engine: everything that k3c does with images, on containerd's own store. */
import type { Log } from '../../../host/log.ts';
import type { Containerd } from '../../backends/containerd.ts';
import type { Credentials } from '../../backends/transfer.ts';
import { type BuildSourceOptions, pullForBuild } from './build-sources.ts';
import { Catalog } from './catalog.ts';
import { type CommitOptions, commitImage } from './commit.ts';
import { ContentStore } from './content.ts';
import { type HistoryEntry, imageHistory } from './history.ts';
import { type ImportOptions, importImage } from './import.ts';
import { useImage } from './in-use.ts';
import { inspectImage } from './inspect.ts';
import { type ListedImage, type ListOptions, listImages } from './list.ts';
import { type LoadedImage, loadImages } from './load.ts';
import { login, remoteTags } from './login.ts';
import { Manifests } from './manifests.ts';
import type { ImageParts, ImageUser, RegistrySettings } from './parts.ts';
import { type PrunedImages, type PruneOptions, pruneImages } from './prune.ts';
import { type PullOptions, type PullResult, pullImage } from './pull.ts';
import { type PushOptions, type PushResult, pushImage } from './push.ts';
import { ImageRecords } from './records.ts';
import { noRegistries } from './registries.ts';
import { Removals } from './removals.ts';
import { type RemovedImage, removeImage } from './remove.ts';
import { type ResolvedImage, resolveImage } from './resolve.ts';
import { saveImages } from './save.ts';
import { ImageSizes } from './sizes.ts';
import { type ImageStorage, imageStorage } from './storage.ts';
import { tagImage } from './tag.ts';

export interface ImageEngineOptions {
  readonly containerd: Containerd;
  readonly snapshotter: string;
  readonly log: Log;
  /** The containers made from an image, by image id; they keep it from being removed. */
  readonly containersUsing?: (imageId: string) => readonly ImageUser[];
  /** Waits until removed containers have let go of their images. */
  readonly removalsDone?: () => Promise<void>;
  /** What applyRegistries made of registries.yaml; absent: nothing is configured. */
  readonly registries?: RegistrySettings;
  /** See LiveRegistries; absent: there is nothing that BuildKit does not know. */
  readonly isOursAlone?: (host?: string) => boolean;
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
    registries: options.registries ?? noRegistries(),
    isOursAlone: options.isOursAlone ?? (() => false),
    containersUsing: options.containersUsing ?? (() => []),
    removals: new Removals(),
    removalsDone: options.removalsDone ?? (() => Promise.resolve()),
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
    resolve: (name: string, signal?: AbortSignal, platform?: string): Promise<ResolvedImage> =>
      resolveImage(name, parts, signal, platform),
    /** resolve, for a container: what `take` writes there and then keeps the image. See useImage. */
    use: <T>(name: string, take: (image: ResolvedImage) => T, signal?: AbortSignal, platform?: string): Promise<T> =>
      useImage(parts, name, take, signal, platform),
    list: (listOptions: ListOptions = {}): Promise<ListedImage[]> => listImages(parts, sizes, listOptions),
    inspect: (name: string, signal?: AbortSignal): Promise<Record<string, unknown>> =>
      inspectImage(parts, sizes, name, signal),
    tag: (source: string, target: string, signal?: AbortSignal): Promise<void> =>
      tagImage(parts, source, target, signal),
    remove: (name: string, force: boolean, signal?: AbortSignal): Promise<RemovedImage> =>
      removeImage(parts, name, force, signal),
    pull: (pullOptions: PullOptions): Promise<PullResult> => pullImage(parts, pullOptions),
    /** Whether builds may start from images that only pullForBuild gets. */
    pullsForBuilds: (): boolean => parts.isOursAlone(),
    /** Undefined when nothing was pulled. */
    pullForBuild: (source: BuildSourceOptions): Promise<PullResult | undefined> => pullForBuild(parts, source),
    push: (pushOptions: PushOptions): Promise<PushResult> => pushImage(parts, pushOptions),
    /** Returns an identity token; empty where the registry gives none. */
    login: (server: string, credentials: Credentials, signal?: AbortSignal): Promise<string> =>
      login(parts, server, credentials, signal),
    remoteTags: (name: string, credentials: Credentials, signal?: AbortSignal): Promise<string[]> =>
      remoteTags(parts, name, credentials, signal),
    /** What registries.yaml has for a registry host. */
    configuredCredentials: (host: string): Credentials => parts.registries.credentials(host),
    load: (bytes: AsyncIterable<Buffer>, signal?: AbortSignal): Promise<LoadedImage[]> =>
      loadImages(parts, bytes, signal),
    /** The archive, in pieces. */
    save: (names: readonly string[], signal?: AbortSignal): AsyncIterable<Buffer> => saveImages(parts, names, signal),
    history: (name: string, signal?: AbortSignal): Promise<HistoryEntry[]> => imageHistory(parts, sizes, name, signal),
    prune: (pruneOptions: PruneOptions): Promise<PrunedImages> => pruneImages(parts, pruneOptions),
    /** What images hold on disk, and what there is besides. */
    storage: (signal?: AbortSignal): Promise<ImageStorage> => imageStorage(parts, sizes, signal),
    /** Returns the image id. */
    commit: (commitOptions: CommitOptions): Promise<string> => commitImage(parts, commitOptions),
    /** Returns the image id. */
    import: (importOptions: ImportOptions): Promise<string> => importImage(parts, importOptions),
  };
}
