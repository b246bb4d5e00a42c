/** What the container engine needs of its neighbours: narrow enough to be faked in tests. */
import type { Containerd } from '../../backends/containerd.ts';
import type { PortSpec } from '../../state/spec.ts';
import type { OciRunConfig } from '../images/oci.ts';
import type { NetworkMembers } from '../network/members.ts';
import type { NamedNetworks } from '../network/named-networks.ts';
import type {
  Attachment,
  AttachWants,
  ContainerIoOptions,
  ExecOptions,
  ExecProcess,
  LogRecord,
  ProcessExit,
  ReadLogOptions,
} from '../streams/types.ts';
import type { ResolvedImage } from './image-config.ts';

/** Finds images, NOT_FOUND (image-not-found) where there is none; and makes them of containers. */
export interface ImageResolver {
  /** @param platform os/arch[/variant]; an image that is not for it counts as not there. */
  resolve(reference: string, signal?: AbortSignal, platform?: string): Promise<ResolvedImage>;
  /**
   * resolve, for one who will use the image: `take` is called in a turn in which it is not being removed, and must not wait for
   * anything. A row that it writes keeps the image.
   */
  use<T>(reference: string, take: (image: ResolvedImage) => T, signal?: AbortSignal, platform?: string): Promise<T>;
  /** Puts a layer on an image. Returns the id of the new one, which CRI sees by then. */
  commit(options: CommitRequest): Promise<string>;
}

export interface CommitRequest {
  /** Id of the image below. */
  readonly parent: string;
  /** Name of the new image; empty: none. */
  readonly reference: string;
  readonly author: string;
  readonly message: string;
  readonly config: OciRunConfig;
  /** Dockerfile instructions on top of it. */
  readonly changes: readonly string[];
  readonly createdBy: string;
  /** The tar of the new layer. */
  readonly layer: AsyncIterable<Buffer>;
  readonly signal?: AbortSignal | undefined;
}

/** The published ports and the addresses of the default bridge (engine/network). */
export interface PortPublisher {
  reserve(owner: string, ownerName: string, ports: readonly PortSpec[]): Promise<PortSpec[]>;
  publish(owner: string, podIp: string, ports: readonly PortSpec[], podIp6?: string): Promise<void>;
  renamed(owner: string, ownerName: string): void;
  release(owner: string): Promise<void>;
  reconcile(
    live: readonly {
      readonly owner: string;
      readonly ownerName: string;
      readonly podIp: string;
      readonly podIp6?: string | undefined;
      readonly ports: readonly PortSpec[];
    }[],
  ): Promise<void>;
  releaseStaleLeases(liveSandboxIds: ReadonlySet<string>, before?: number): Promise<number>;
  /** Of the default bridge; may throw before the network is started. */
  readonly bridge: { readonly id: string; readonly name: string; readonly cidr: string; readonly gateway: string };
  /** Who is on which network now. */
  readonly members: NetworkMembers;
  /** The networks that users made, and what is plugged into them. */
  readonly named: NamedNetworks;
}

/** One attempt's streams (engine/streams, ContainerIo). */
export interface ContainerStreams {
  started(): Promise<void>;
  failed(): void;
  attach(wants: AttachWants): Attachment;
  exited(): Promise<void>;
  close(): Promise<void>;
}

/** The stream engine (engine/streams). */
export interface StreamEngine {
  prepare(options: ContainerIoOptions): Promise<ContainerStreams>;
  reopen(options: ContainerIoOptions): Promise<ContainerStreams>;
  waitForExit(containerd: Containerd, criId: string, signal: AbortSignal, killed: () => boolean): Promise<ProcessExit>;
  startExec(containerd: Containerd, options: ExecOptions): Promise<ExecProcess>;
  readLog(path: string, options: ReadLogOptions): AsyncIterable<readonly LogRecord[]>;
}
