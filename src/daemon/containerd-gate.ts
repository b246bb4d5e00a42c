/** Calls that come while containerd is being started again wait for it: a second's patience costs less than a script that fails. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Containerd } from './backends/containerd.ts';

/** After so long a call goes on and fails with its own words. */
const PATIENCE_MS = 15_000;

/** What is answered without containerd, and so at any time. */
const NEEDS_NONE: ReadonlySet<string> = new Set([
  ...['Ping', 'Version', 'Info', 'Events'].map((method) => `System/${method}`),
  ...['List', 'Inspect', 'Logs', 'Wait', 'Rename'].map((method) => `Containers/${method}`),
  ...['Create', 'List', 'Inspect'].map((method) => `Pods/${method}`),
  ...['Login', 'RemoteTags', 'ConfiguredAuth', 'PullsForBuilds'].map((method) => `Images/${method}`),
]);

export interface Waited {
  readonly containerd: Pick<Containerd, 'isConnected' | 'connected'>;
  /** Its return while it is known to be away, else undefined. */
  readonly returning: () => Promise<void> | undefined;
  readonly patienceMs?: number;
}

/** For the RPC server: what a call waits for before it is begun; undefined, which is nearly always: nothing. */
export function containerdGate(waited: Waited): (path: string) => Promise<void> | undefined {
  const { containerd, returning } = waited;
  return (path) => {
    if ((containerd.isConnected() && returning() === undefined) || isServedWithout(path)) return undefined;
    return wait(waited);
  };
}

/** The connection is gone before the end of the process is known, and is there again before CRI is at work. */
async function wait({ containerd, returning, patienceMs = PATIENCE_MS }: Waited): Promise<void> {
  const started = performance.now();
  await containerd.connected(patienceMs);
  const back = returning();
  if (back !== undefined) await within(back, Math.max(0, patienceMs - (performance.now() - started)));
}

function isServedWithout(path: string): boolean {
  const method = path.replace('/k3c.v1.', '');
  return NEEDS_NONE.has(method) || method.startsWith('Networks/') || method.startsWith('Volumes/');
}

async function within(what: Promise<void>, milliseconds: number): Promise<void> {
  const late = new AbortController();
  try {
    await Promise.race([what, sleep(milliseconds, undefined, { signal: late.signal })]);
  } finally {
    late.abort();
  }
}
