/** What containers use, sampled once a second: docker's `stats`. */
import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode } from '../../../../api/errors.ts';
import type { ContainerRecord } from '../../../state/containers.ts';
import { withPod } from '../../pods/member-view.ts';
import type { EngineContext } from '../context.ts';
import { findContainer } from '../identity.ts';
import { processId } from '../process-id.ts';
import { visibleState } from '../summary.ts';
import { type CgroupMount, parseCgroupMounts, v1Groups, v2Group } from './cgroup-paths.ts';
import { readV1 } from './cgroup-v1.ts';
import { readV2 } from './cgroup-v2.ts';
import { type Counters, NO_COUNTERS, readCounter } from './counters.ts';
import { type NetworkBytes, parseNetDev } from './net-dev.ts';

export interface StatsWants {
  /** Empty: all of them, those that come later too. */
  readonly containers: readonly string[];
  /** Those that do not run too, where none are named. */
  readonly all: boolean;
  /** One sample only. */
  readonly once: boolean;
}

export interface ContainerStats {
  readonly record: ContainerRecord;
  /** As it was named, else its id. */
  readonly reference: string;
  /** undefined: too new, nothing is known yet. */
  readonly usage: Usage | undefined;
}

/** Bytes since the container's start, where not said otherwise. */
export interface Usage {
  /** Of one processor, in percent. */
  readonly cpuPercent: number;
  readonly memoryUsage: number;
  /** Of the container, at most the host's memory. */
  readonly memoryLimit: number;
  readonly network: NetworkBytes;
  readonly blockRead: number;
  readonly blockWritten: number;
  readonly pids: number;
}

const NO_USAGE: Usage = {
  cpuPercent: 0,
  memoryUsage: 0,
  memoryLimit: 0,
  network: { received: 0, sent: 0 },
  blockRead: 0,
  blockWritten: 0,
  pids: 0,
};

const INTERVAL_MS = 1000;
/** Between the two readings behind the first answer: the clock is exact, so that less time will do. */
const FIRST_INTERVAL_MS = 500;

type Context = Pick<EngineContext, 'containerd' | 'state' | 'cgroupVersion'>;

/** One attempt of a container under watch. */
interface Watched {
  /** Reads its counters now. */
  readonly read: () => Promise<Counters & { readonly network: NetworkBytes }>;
  /** Of the reading before. */
  cpu?: { readonly nanos: number; readonly at: number };
}

/**
 * Samples until the signal is aborted, or none of the named containers is left. NOT_FOUND when a named container is not
 * there at the beginning.
 */
export async function* watchStats(
  context: Context,
  wants: StatsWants,
  signal: AbortSignal,
): AsyncGenerator<readonly ContainerStats[]> {
  const named = wants.containers.map((reference) => ({
    reference,
    id: findContainer(context.state.containers, reference).id,
  }));
  const mounts = parseCgroupMounts(await readFile('/proc/self/mountinfo', 'utf8'));
  const watched = new Map<string, Watched>();
  const list = (): { reference: string; record: ContainerRecord }[] => {
    const { containers } = context.state;
    if (named.length === 0)
      return containers
        .list()
        .filter((record) => wants.all || hasProcess(record))
        .map((record) => ({ reference: record.id, record }));
    return named.flatMap(({ reference, id }) => {
      const record = containers.byId(id);
      return record === undefined ? [] : [{ reference, record }];
    });
  };
  const sample = async (): Promise<ContainerStats[]> => {
    const entries = list();
    const running = new Set(entries.map(({ record }) => record.criId));
    for (const criId of watched.keys()) if (!running.has(criId)) watched.delete(criId);
    return await Promise.all(
      entries.map(async ({ reference, record }) => ({
        reference,
        record,
        usage: hasProcess(record) ? await usageOf(context, mounts, watched, record) : NO_USAGE,
      })),
    );
  };
  await sample();
  for (let pause = FIRST_INTERVAL_MS; ; pause = INTERVAL_MS) {
    await sleep(pause, undefined, { signal });
    const stats = await sample();
    yield stats;
    if (wants.once || (named.length > 0 && stats.length === 0)) return;
  }
}

function hasProcess(record: ContainerRecord): boolean {
  return ['running', 'paused'].includes(visibleState(record));
}

async function usageOf(
  context: Context,
  mounts: readonly CgroupMount[],
  watched: Map<string, Watched>,
  record: ContainerRecord,
): Promise<Usage | undefined> {
  let entry = watched.get(record.criId);
  if (entry === undefined) {
    entry = await watchContainer(context, mounts, record);
    if (entry === undefined) return undefined;
    watched.set(record.criId, entry);
  }
  const { cpu: before } = entry;
  const { cpuNanos, memoryLimit, ...rest } = await entry.read();
  const at = performance.now();
  entry.cpu = { nanos: cpuNanos, at };
  if (before === undefined) return undefined;
  return {
    ...rest,
    cpuPercent: cpuPercent(cpuNanos - before.nanos, at - before.at),
    memoryLimit: Math.min(memoryLimit, totalmem()),
  };
}

/**
 * docker's formula is used / system * processors * 100, where `system` is the time of all processors from /proc/stat. That is
 * the time passed for each of them, which the clock tells without rounding to hundredths of a second.
 * @param nanos used between two readings
 * @param milliseconds between them
 */
export function cpuPercent(nanos: number, milliseconds: number): number {
  if (nanos <= 0 || milliseconds <= 0) return 0;
  return nanos / (milliseconds * 10_000);
}

/** undefined: its process has just ended. */
async function watchContainer(
  context: Context,
  mounts: readonly CgroupMount[],
  record: ContainerRecord,
): Promise<Watched | undefined> {
  const pid = record.pid > 0 ? record.pid : await pidOf(context, record);
  if (pid === undefined) return undefined;
  const membership = await readCounter(`/proc/${pid}/cgroup`);
  if (membership === '') return undefined;
  // A container on the host's network, or on none, has no traffic of its own.
  const network = async () =>
    !['host', 'none'].includes(withPod(context.state, record).spec.networkMode)
      ? parseNetDev(await readCounter(`/proc/${pid}/net/dev`))
      : { received: 0, sent: 0 };
  const counters = countersOf(context.cgroupVersion, membership, mounts);
  return {
    read: async () => {
      const [usage, bytes] = await Promise.all([counters(), network()]);
      return { ...usage, network: bytes };
    },
  };
}

function countersOf(version: 1 | 2, membership: string, mounts: readonly CgroupMount[]): () => Promise<Counters> {
  if (version === 1) {
    const groups = v1Groups(membership, mounts);
    return () => readV1(groups);
  }
  const group = v2Group(membership, mounts);
  return () => (group === undefined ? Promise.resolve(NO_COUNTERS) : readV2(group));
}

async function pidOf(context: Context, record: ContainerRecord): Promise<number | undefined> {
  try {
    return await processId(context, record.criId);
  } catch (error) {
    if (hasCode(error, Code.NOT_FOUND)) return undefined;
    throw error;
  }
}
