/** The container engine's one context, made of what the daemon lends it. */
import { availableParallelism, hostname } from 'node:os';
import type { Log } from '../../../host/log.ts';
import type { Containerd } from '../../backends/containerd.ts';
import { ExitNotes } from '../../backends/exit-notes.ts';
import type { State } from '../../state/database.ts';
import { EventBus } from '../events/bus.ts';
import { HeldMounts } from '../volumes/held-mounts.ts';
import { BackgroundTasks } from './background.ts';
import { Clock } from './clock.ts';
import { containerEvent, type EngineContext, type EnginePaths, type LiveContainer } from './context.ts';
import type { ImageResolver, PortPublisher, StreamEngine } from './dependencies.ts';
import { ExitBoard } from './exit-board.ts';
import type { HealthMonitor } from './health/monitor.ts';
import { Slots } from './health/slots.ts';
import { KeyedMutex } from './keyed-mutex.ts';
import { NetworkSharers } from './network-sharers.ts';
import { scheduleRestart } from './restarts.ts';
import { streamEngine } from './stream-engine.ts';

export interface ContainerEngineOptions {
  readonly containerd: Containerd;
  readonly images: ImageResolver;
  readonly network: PortPublisher;
  /** The gateway where the names of a network are answered (engine/names); absent: nowhere. */
  readonly resolver?: (network: string) => Promise<string | undefined>;
  /** Collected before every start of containerd; absent where containerd is another's. */
  readonly exitNotes?: ExitNotes;
  readonly state: State;
  /** The daemon's layout; its directories exist. */
  readonly paths: Omit<EnginePaths, 'init' | 'helper'>;
  /** Above the pods: a slice or an absolute path, as the cgroup driver has it. */
  readonly cgroupParent: string;
  readonly facts: {
    readonly snapshotter: string;
    readonly seccomp: boolean;
    readonly apparmor?: boolean;
    /** Absent: 1. */
    readonly cgroupVersion?: 1 | 2;
  };
  /** What --runtime takes besides runc. */
  readonly runtimes?: readonly string[];
  readonly log: Log;
  /** Where others tell of events, too. */
  readonly events?: EventBus;
  /** The static init that --init mounts; absent: --init is refused. */
  readonly initPath?: string | undefined;
  /** k3c-files; absent: files in and out of containers are refused. */
  readonly filesHelper?: string | undefined;
  /** Instead of the real streams, for tests. */
  readonly streams?: StreamEngine;
}

/** Makes the context. Nothing is done yet. */
export function engineContext(
  options: ContainerEngineOptions,
  closing: AbortController,
  abandon: AbortController,
): EngineContext {
  const { state, log } = options;
  const clock = new Clock();
  const events = options.events ?? new EventBus(state.events);
  const paths = { ...options.paths, init: options.initPath, helper: options.filesHelper };
  const locks = new KeyedMutex();
  const context: EngineContext = {
    containerd: options.containerd,
    images: options.images,
    network: options.network,
    resolver: options.resolver ?? (() => Promise.resolve(undefined)),
    streams: options.streams ?? streamEngine(),
    exitNotes: options.exitNotes ?? new ExitNotes(options.paths.containerdState),
    state,
    log,
    paths,
    snapshotter: options.facts.snapshotter,
    cgroupParent: options.cgroupParent,
    seccomp: options.facts.seccomp,
    apparmor: options.facts.apparmor ?? false,
    runtimes: new Set(options.runtimes ?? []),
    cgroupVersion: options.facts.cgroupVersion ?? 1,
    hostHostname: hostname(),
    now: () => clock.now(),
    locks,
    volumeMounts: new HeldMounts({ state, paths, locks, abandon: abandon.signal }),
    live: new Map<string, LiveContainer>(),
    sharers: new NetworkSharers(),
    killed: new Set<string>(),
    restarts: new Map<string, NodeJS.Timeout>(),
    scheduleRestart: (id, delayMs) => scheduleRestart(context, id, delayMs),
    exits: new ExitBoard(),
    background: new BackgroundTasks(log),
    closing: closing.signal,
    abandon: abandon.signal,
    health: new Map<string, HealthMonitor>(),
    probeSlots: new Slots(),
    tearDownSlots: new Slots(2 * availableParallelism()),
    events,
    emit: (record, action, attributes) => events.record(containerEvent(state, record, action, attributes)),
    announce: (id, action, attributes) => {
      const record = events.hasListeners ? state.containers.byId(id) : undefined;
      if (record !== undefined) events.announce(containerEvent(state, record, action, attributes));
    },
  };
  return context;
}
