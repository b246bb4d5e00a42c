/** What the acts of the image engine work with; made once by createImageEngine. */
import type { Log } from '../../../host/log.ts';
import type { Containerd } from '../../backends/containerd.ts';
import type { Catalog } from './catalog.ts';
import type { ContentStore } from './content.ts';
import type { Manifests } from './manifests.ts';
import type { ImageRecords } from './records.ts';
import type { AppliedRegistries } from './registries.ts';
import type { Removals } from './removals.ts';

/** A container that keeps an image in use. */
export interface ImageUser {
  readonly id: string;
  readonly running: boolean;
}

/** What of registries.yaml counts for images. It may change while the daemon runs. */
export type RegistrySettings = Pick<AppliedRegistries, 'hostDir' | 'credentials' | 'server' | 'sources'>;

export interface ImageParts {
  readonly containerd: Containerd;
  readonly snapshotter: string;
  readonly log: Log;
  readonly content: ContentStore;
  readonly manifests: Manifests;
  readonly records: ImageRecords;
  readonly catalog: Catalog;
  readonly registries: RegistrySettings;
  /** Whether registries.yaml says of a registry what BuildKit does not know; without a host, whether of any. */
  readonly isOursAlone: (host?: string) => boolean;
  /** The containers made from an image. It must not wait: see in-use.ts. */
  readonly containersUsing: (imageId: string) => readonly ImageUser[];
  /** Waits until nothing of removed containers holds on to images any more, or is not worth waiting for. */
  readonly removalsDone: () => Promise<void>;
  readonly removals: Removals;
  /** Runs changes of the names of images one after the other. */
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
}
