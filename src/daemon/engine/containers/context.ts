/** What the parts of the container engine share. One an engine; nothing here outlives it. */
import type { Log } from '../../../host/log.ts';
import type { Containerd } from '../../backends/containerd.ts';
import type { ExitNotes } from '../../backends/exit-notes.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import type { State } from '../../state/database.ts';
import type { PortSpec } from '../../state/spec.ts';
import type { EventBus, Happening } from '../events/bus.ts';
import type { HeldMounts } from '../volumes/held-mounts.ts';
import type { BackgroundTasks } from './background.ts';
import type { ContainerStreams, ImageResolver, PortPublisher, StreamEngine } from './dependencies.ts';
import type { ContainerExit, ExitBoard } from './exit-board.ts';
import type { HealthMonitor } from './health/monitor.ts';
import type { Slots } from './health/slots.ts';
import type { KeyedMutex } from './keyed-mutex.ts';
import type { NetworkSharers } from './network-sharers.ts';

export interface EnginePaths {
  /** Of containers: hosts, hostname, resolv.conf. */
  readonly containers: string;
  readonly logs: string;
  readonly volumes: string;
  readonly containerdState: string;
  readonly fifos: string;
  /** Our own state directory: temporary mounts. */
  readonly state: string;
  /** The static init for --init; absent: --init is refused. */
  readonly init?: string | undefined;
  /** k3c-files; absent: no files go in or out. */
  readonly helper?: string | undefined;
}

/** A container whose process runs, or has ended and is being recorded. */
export interface LiveContainer {
  readonly id: string;
  readonly attempt: number;
  readonly sandboxId: string;
  readonly criId: string;
  readonly io: ContainerStreams;
  readonly ports: readonly PortSpec[];
  readonly startedAt: bigint;
  /** Signals on their way to it: its exit is recorded after what they have to tell. */
  readonly signals: Set<Promise<void>>;
  /** Settles when the exit is recorded and all output was handed over. Rejects only when the daemon stops. */
  readonly exit: Promise<ContainerExit>;
}

export interface EngineContext {
  readonly containerd: Containerd;
  readonly images: ImageResolver;
  readonly network: PortPublisher;
  /** The gateway where the names of a network are answered; undefined: nobody answers there. */
  readonly resolver: (network: string) => Promise<string | undefined>;
  readonly streams: StreamEngine;
  readonly exitNotes: ExitNotes;
  readonly state: State;
  readonly log: Log;
  readonly paths: EnginePaths;
  readonly snapshotter: string;
  readonly cgroupParent: string;
  /** Whether the kernel filters system calls. */
  readonly seccomp: boolean;
  readonly apparmor: boolean;
  /** What --runtime takes besides runc. */
  readonly runtimes: ReadonlySet<string>;
  readonly cgroupVersion: 1 | 2;
  readonly hostHostname: string;
  /** Nanoseconds since the epoch, never the same twice. */
  readonly now: () => bigint;
  readonly locks: KeyedMutex;
  readonly live: Map<string, LiveContainer>;
  /** Who runs in the network of another. */
  readonly sharers: NetworkSharers;
  /** Running attempts, by CRI id, that were sent SIGKILL by us: their end is no lack of memory. */
  readonly killed: Set<string>;
  /** Restarts that wait for their delay, by id. */
  readonly restarts: Map<string, NodeJS.Timeout>;
  /** Starts a container whose row says `restarting` again after a delay; see restarts.ts. Here because exits and starts need each other. */
  readonly scheduleRestart: (id: string, delayMs: number) => void;
  readonly exits: ExitBoard;
  readonly background: BackgroundTasks;
  /** Aborted when the daemon stops. */
  readonly closing: AbortSignal;
  /** Aborted when a stop has waited long enough for what is under way: whatever still asks containerd gives up. */
  readonly abandon: AbortSignal;
  /** The health checks of what runs, by id; see health/health.ts. */
  readonly health: Map<string, HealthMonitor>;
  readonly probeSlots: Slots;
  /** Of what CRI has to tear down: hundreds at once keep the machine from the user's next command, and are no sooner gone. */
  readonly tearDownSlots: Slots;
  /** What the options of volumes mount, held by containers that run or start. */
  readonly volumeMounts: HeldMounts;
  readonly events: EventBus;
  /** Appends to the history (call it in the transaction of the change) and tells those who listen. */
  readonly emit: (record: ContainerRecord, action: string, attributes?: Readonly<Record<string, string>>) => void;
  /** Tells those who listen of what is not worth keeping. */
  readonly announce: (id: string, action: string, attributes?: Readonly<Record<string, string>>) => void;
}

/** docker's event for a container, with its pod, where it is in one. */
export function containerEvent(
  { pods }: Pick<State, 'pods'>,
  record: ContainerRecord,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): Happening {
  const pod = record.spec.pod === '' ? undefined : pods.byId(record.spec.pod);
  const ofPod = pod === undefined ? {} : { pod: pod.name, podId: pod.id };
  return {
    type: 'container',
    action,
    actor: record.id,
    attributes: { ...record.config.labels, ...attributes, ...ofPod, image: record.spec.image, name: record.name },
  };
}
