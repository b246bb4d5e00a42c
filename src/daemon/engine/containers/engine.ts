/** The container engine: docker's containers as CRI pods, on containerd. */
import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, K3cError } from '../../../api/errors.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import type { ContainerSpec } from '../../state/spec.ts';
import { podName } from '../pods/member-view.ts';
import { createWithPod } from '../pods/new-pod.ts';
import { podEngine } from '../pods/pods.ts';
import { recallPods } from '../pods/take-up.ts';
import type { AttachWants, ExecProcess, LogRecord, ReadLogOptions, TerminalSize } from '../streams/types.ts';
import { attachContainer, runningAttempt } from './attach.ts';
import { connectContainer, disconnectContainer } from './connect.ts';
import { containerLogs } from './container-logs.ts';
import type { LiveContainer } from './context.ts';
import type { CreatedContainer } from './create.ts';
import { type DiskUsage, diskUsage } from './disk-usage.ts';
import type { AskedEndpoint } from './endpoints.ts';
import { type ContainerEngineOptions, engineContext } from './engine-context.ts';
import { type ExecRequest, execInContainer } from './exec.ts';
import type { ContainerExit } from './exit-board.ts';
import { containerFiles } from './files/files.ts';
import type { Filters, ListOptions } from './filters.ts';
import { closeHealth, healthStatus } from './health/health.ts';
import { findContainer } from './identity.ts';
import { inspectContainer } from './inspect/inspect.ts';
import { killContainer } from './kill.ts';
import type { Launched } from './launch.ts';
import { restartContainer, type StopOptions, startContainer, stopContainer } from './lifecycle.ts';
import type { LimitChanges } from './limits/merge-limits.ts';
import { listContainers } from './list.ts';
import { logDetails } from './log-options.ts';
import { recallMembers } from './membership.ts';
import { pauseContainer, syncPaused, unpauseContainer } from './pause.ts';
import { type PrunedContainers, pruneContainers } from './prune.ts';
import { reconcile } from './reconcile.ts';
import { removalsDone } from './removals-done.ts';
import { type RemoveOptions, removeContainer } from './remove.ts';
import { renameContainer } from './rename.ts';
import { type ContainerStats, type StatsWants, watchStats } from './stats/stats.ts';
import { removeStrays } from './strays.ts';
import { isUp } from './summary.ts';
import type { ProcessTable } from './top/ps-output.ts';
import { topContainer } from './top/top.ts';
import { updateContainer } from './update.ts';
import { type WaitCondition, waitContainer } from './wait.ts';

/** How long a stop waits for the output of a container that just ended to reach its clients. */
const CLOSE_PATIENCE_MS = 2000;
/** How long it waits for starts, stops and removals under way. */
const CLEAN_UP_PATIENCE_MS = 10_000;

export type ContainerEngine = ReturnType<typeof createContainerEngine>;

/** Whether something settles in time. */
async function within(milliseconds: number, what: Promise<unknown>): Promise<boolean> {
  const late = new AbortController();
  try {
    return await Promise.race([what.then(() => true), sleep(milliseconds, false, { signal: late.signal })]);
  } finally {
    late.abort();
  }
}

/** Makes the engine. Nothing is done before reconcile(), which must be over before anything else is called. */
export function createContainerEngine(options: ContainerEngineOptions) {
  const { state, log, containerd } = options;
  const closing = new AbortController();
  const abandon = new AbortController();
  const context = engineContext(options, closing, abandon);
  const { events } = context;
  const find = (reference: string) => findContainer(state.containers, reference);
  const health = (record: ContainerRecord) => healthStatus(context, record);

  return {
    /** Makes those known on their networks who ran when the last daemon ended: names are answered before containerd is up. */
    recall(): void {
      recallMembers(context);
      recallPods(context);
    },

    /** Takes up what runs, records what ended, starts what is due. Once, before anything else. */
    async reconcile(signal: AbortSignal): Promise<void> {
      for (const path of [context.paths.containers, context.paths.logs, context.paths.volumes, context.paths.fifos])
        await mkdir(path, { recursive: true, mode: 0o711 });
      await reconcile(context, signal);
    },

    /**
     * After containerd was restarted: what cut off starts and removals left there goes. What runs is watched as before.
     * @param since when that containerd was started, milliseconds since the epoch
     */
    async resync(since: number, signal: AbortSignal): Promise<void> {
      await removeStrays(context, since, signal);
      await syncPaused(context, signal);
    },

    /** Stops watching and waits for what is under way. Containers go on running. */
    async close(): Promise<void> {
      closing.abort();
      for (const timer of context.restarts.values()) clearTimeout(timer);
      context.restarts.clear();
      const running = [...context.live.values()];
      const unwatched = closeHealth(context);
      const idle = context.locks.idle().then(() => context.background.idle());
      if (!(await within(CLEAN_UP_PATIENCE_MS, idle))) {
        log.warn({}, 'containerd does not answer: what is left of removed containers goes at the next start');
        abandon.abort(new K3cError(Code.CANCELLED, 'the daemon stops'));
        await within(CLOSE_PATIENCE_MS, idle);
      }
      await within(CLOSE_PATIENCE_MS, unwatched);
      // An exit that is being recorded is recorded; one that is waited for is given up.
      await within(CLOSE_PATIENCE_MS, Promise.allSettled(running.map(({ exit }) => exit)));
      await Promise.all([...context.live.values()].map(({ io }) => io.close()));
      context.live.clear();
    },

    /** The record that a user means. NOT_FOUND (container-not-found) or INVALID_ARGUMENT (several). */
    find,
    create: (name: string, spec: ContainerSpec): Promise<CreatedContainer> => createWithPod(context, name, spec),
    /** Undefined when it ran already. */
    start: (reference: string, attach?: AttachWants): Promise<Launched | undefined> =>
      startContainer(context, find(reference).id, attach),
    stop: (reference: string, how: StopOptions): Promise<void> => stopContainer(context, find(reference).id, how),
    restart: (reference: string, how: StopOptions): Promise<void> => restartContainer(context, find(reference).id, how),
    /** @param signal empty: SIGKILL */
    kill: (reference: string, signal: string): Promise<void> => killContainer(context, find(reference).id, signal),
    pause: (reference: string): Promise<void> => pauseContainer(context, find(reference).id),
    unpause: (reference: string): Promise<void> => unpauseContainer(context, find(reference).id),
    rename: (reference: string, name: string): void => renameContainer(context, reference, name),
    /** network connect */
    connect: (network: string, reference: string, asked: AskedEndpoint): Promise<void> =>
      connectContainer(context, network, reference, asked),
    /** network disconnect */
    disconnect: (network: string, reference: string, force: boolean): Promise<void> =>
      disconnectContainer(context, network, reference, force),
    /** Returns warnings. */
    update: (reference: string, changes: LimitChanges): Promise<readonly string[]> =>
      updateContainer(context, reference, changes),
    remove: (reference: string, how: RemoveOptions): Promise<void> => removeContainer(context, find(reference).id, how),
    prune: (filters: Filters, signal?: AbortSignal): Promise<PrunedContainers> =>
      pruneContainers(context, filters, signal),
    /** Resolves when removed containers have let go of their images. */
    removalsDone: (): Promise<void> => removalsDone(context),
    wait: (reference: string, condition: WaitCondition, signal: AbortSignal): Promise<ContainerExit> =>
      waitContainer(context, reference, condition, signal),
    exec: (request: ExecRequest): Promise<ExecProcess> => execInContainer(context, request),

    /** The running attempt of a container. FAILED_PRECONDITION (container-not-running) when there is none. */
    running: (reference: string): LiveContainer => runningAttempt(context, find(reference)),
    attach: (reference: string, wants: AttachWants) => attachContainer(context, find(reference), wants),

    async resize(live: LiveContainer, size: TerminalSize): Promise<void> {
      await containerd.tasks.resizePty({ containerId: live.criId, ...size });
    },

    /** Pods that users made. */
    pods: podEngine(context),
    /** The name of the pod that users made and a container is in; empty: it is in none. */
    podName: (record: ContainerRecord): string => podName(state, record),

    /** Files in and out of containers, export, diff and commit. */
    files: containerFiles(context, find),

    list: (how: ListOptions): Promise<readonly ContainerRecord[]> => listContainers(context, how, { find, health }),

    /** Bytes on disk of a container's current attempt. */
    diskUsage: (record: ContainerRecord, signal: AbortSignal): Promise<DiskUsage> =>
      diskUsage(containerd.snapshots, context.snapshotter, record.criId, signal),

    /** docker's inspect document. */
    inspect: (reference: string, signal?: AbortSignal): Promise<Record<string, unknown>> =>
      inspectContainer(context, find(reference), signal),

    /** Samples of what containers use, until the signal is aborted. */
    stats: (wants: StatsWants, signal: AbortSignal): AsyncIterable<readonly ContainerStats[]> =>
      watchStats(context, wants, signal),

    /** The processes of a running container as a table of ps. */
    top: (reference: string, options: readonly string[], signal: AbortSignal): Promise<ProcessTable> =>
      topContainer(context, find(reference), options, signal),

    /** What a container wrote, many records at a time; see containerLogs. */
    logs: (reference: string, how: Omit<ReadLogOptions, 'ended'>): AsyncIterable<readonly LogRecord[]> =>
      containerLogs(context, find(reference), how),
    /** What `logs --details` puts before every line. */
    logDetails(reference: string): string {
      const { spec, config } = find(reference);
      return logDetails(spec.log, config);
    },

    /** Who keeps an image from being removed. */
    namesUsing: (imageId: string): { readonly id: string; readonly running: boolean }[] =>
      state.containers
        .byImage(imageId)
        .map(({ id, state: now }) => ({ id, running: now === 'running' || now === 'paused' })),

    /** Whether a pod of CRI's is one of ours, for the kubelet's view. */
    ownsSandbox: (sandboxId: string): boolean =>
      sandboxId !== '' && (state.containers.bySandbox(sandboxId) ?? state.pods.bySandbox(sandboxId)) !== undefined,

    counts() {
      const counts = { running: 0, paused: 0, stopped: 0 };
      for (const record of state.containers.list())
        counts[isUp(record) ? (record.state === 'paused' ? 'paused' : 'running') : 'stopped'] += 1;
      return counts;
    },

    /** docker's word for a container's health: none, starting, healthy or unhealthy. */
    health,

    /** What happened, and what happens. */
    events,
  };
}
