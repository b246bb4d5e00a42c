/** What the container engine needs of its neighbours: narrow enough to be faked in tests. */
import type { Containerd } from '../../backends/containerd.ts';
import type { PortSpec } from '../../state/spec.ts';
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

/** Finds images. NOT_FOUND (image-not-found) where there is none. */
export interface ImageResolver {
  resolve(reference: string): Promise<ResolvedImage>;
}

/** The published ports and the addresses of the default bridge (engine/network). */
export interface PortPublisher {
  reserve(owner: string, ownerName: string, ports: readonly PortSpec[]): Promise<PortSpec[]>;
  publish(owner: string, podIp: string, ports: readonly PortSpec[]): Promise<void>;
  release(owner: string): Promise<void>;
  reconcile(
    live: readonly {
      readonly owner: string;
      readonly ownerName: string;
      readonly podIp: string;
      readonly ports: readonly PortSpec[];
    }[],
  ): Promise<void>;
  releaseStaleLeases(liveSandboxIds: ReadonlySet<string>, before?: number): Promise<number>;
  /** Of the default bridge; may throw before the network is started. */
  readonly bridge: { readonly name: string; readonly cidr: string; readonly gateway: string };
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
