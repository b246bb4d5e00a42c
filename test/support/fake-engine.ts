/** A container engine without a containerd: what it asks is answered as a test wishes, and noted. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { K3cError } from '../../src/api/errors.ts';
import { PodSandboxState } from '../../src/api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { Status } from '../../src/api/gen/types/task/task.ts';
import type { Containerd } from '../../src/daemon/backends/containerd.ts';
import { createContainerEngine } from '../../src/daemon/engine/containers/engine.ts';
import { NetworkMembers } from '../../src/daemon/engine/network/members.ts';
import { NamedNetworks } from '../../src/daemon/engine/network/named-networks.ts';
import type { Attachment, ProcessExit } from '../../src/daemon/engine/streams/types.ts';
import { openDatabase } from '../../src/daemon/state/database.ts';
import { silentLog } from '../../src/host/log.ts';

const BUSYBOX = { id: 'sha256:1', reference: 'docker.io/library/busybox:latest', config: {} };

async function* nothing(): AsyncGenerator<never> {
  yield* [];
}

/**
 * An engine whose containerd does as it is told and takes notes.
 * @param base a directory for what the engine writes
 * @param fails by the name of a call: what it is answered with
 */
export function fakeEngine(base: string, fails: { [call: string]: K3cError } = {}) {
  const calls: string[] = [];
  /** What CRI lists. */
  const known: { sandboxes: object[]; containers: object[]; tasks: object[] } = {
    sandboxes: [],
    containers: [],
    tasks: [],
  };
  /** By the name of a call: what happens before it is answered. */
  const hooks: { [call: string]: (signal: AbortSignal | undefined) => unknown } = {};
  /** What containerd knows of the process. */
  const process: { pid: number; status: Status } = { pid: 7, status: Status.RUNNING };
  const exit = Promise.withResolvers<ProcessExit>();
  /** The end of the process of a sandbox. */
  const sandboxEnd = Promise.withResolvers<object>();
  const aborted = (signal: AbortSignal | undefined) =>
    new Promise<never>((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
  const answer =
    <T>(name: string, value: T) =>
    async (_request?: unknown, options?: { readonly signal?: AbortSignal }) => {
      calls.push(name);
      await hooks[name]?.(options?.signal);
      const error = fails[name];
      if (error !== undefined) throw error;
      return value;
    };
  const spec = { process: { args: [], cwd: '/', user: { uid: 0, gid: 0 } }, mounts: [], linux: { namespaces: [] } };
  const containerd = {
    cri: {
      runPodSandbox: answer('runPodSandbox', { podSandboxId: 'sandbox' }),
      podSandboxStatus: answer('podSandboxStatus', {
        status: { state: PodSandboxState.SANDBOX_READY, network: { ip: '10.0.0.2' } },
      }),
      createContainer: answer('createContainer', { containerId: 'cri' }),
      startContainer: answer('startContainer', {}),
      removeContainer: answer('removeContainer', {}),
      stopPodSandbox: answer('stopPodSandbox', {}),
      removePodSandbox: answer('removePodSandbox', {}),
      listPodSandbox: () => answer('listPodSandbox', { items: known.sandboxes })(),
      listContainers: () => answer('listContainers', { containers: known.containers })(),
    },
    containers: {
      get: answer('get', { container: { spec: { typeUrl: 't', value: Buffer.from(JSON.stringify(spec)) } } }),
      update: answer('update', {}),
    },
    snapshots: { mounts: answer('mounts', { mounts: [] }), list: nothing },
    tasks: {
      get: answer('pid', { process }),
      kill: answer('kill', {}),
      list: () => answer('tasks', { tasks: known.tasks })(),
      pause: answer('pause', {}),
      resume: answer('resume', {}),
      wait: (_request: unknown, { signal }: { readonly signal?: AbortSignal } = {}) =>
        Promise.race([sandboxEnd.promise, aborted(signal)]),
    },
  } as unknown as Containerd;
  const attachment: Attachment = {
    output: nothing(),
    writeStdin: () => Promise.resolve(),
    endStdin: () => undefined,
    detach: () => undefined,
  };
  const streams = {
    started: answer('started', undefined),
    failed: () => void calls.push('failed'),
    attach: () => attachment,
    exited: answer('exited', undefined),
    close: () => Promise.resolve(),
    /** Whether the streams of an earlier daemon can be opened again. */
    reopens: false,
  };
  const state = openDatabase(':memory:');
  const members = new NetworkMembers();
  const engine = createContainerEngine({
    containerd,
    images: {
      commit: () => Promise.reject(new Error('no commit here')),
      resolve: () => Promise.resolve(BUSYBOX),
      use: (_reference, take) => Promise.resolve(take(BUSYBOX)),
    },
    network: {
      members,
      named: new NamedNetworks(join(base, 'netns'), () => assert.fail('no netlink here'), members),
      bridge: { id: 'default', name: 'b', cidr: '10.0.0.0/16', gateway: '10.0.0.1' },
      reserve: async (_owner, _name, ports) => {
        calls.push('reserve');
        if (fails['reserve'] !== undefined) throw fails['reserve'];
        return [...ports];
      },
      renamed: (_owner, name) => void calls.push(`renamed ${name}`),
      publish: () => answer('publish', undefined)(),
      release: () => answer('release', undefined)(),
      reconcile: () => Promise.resolve(),
      releaseStaleLeases: () => Promise.resolve(0),
    },
    streams: {
      prepare: answer('prepare', streams),
      reopen: () => (streams.reopens ? Promise.resolve(streams) : Promise.reject(new Error('not here'))),
      waitForExit: (_containerd, _id, signal) => Promise.race([exit.promise, aborted(signal)]),
      startExec: () => Promise.reject(new Error('not here')),
      readLog: nothing,
    },
    state,
    paths: {
      containers: join(base, 'c'),
      logs: join(base, 'l'),
      volumes: join(base, 'v'),
      containerdState: base,
      fifos: join(base, 'f'),
      state: base,
    },
    cgroupParent: '/k3c',
    facts: { snapshotter: 'overlayfs', seccomp: true },
    log: silentLog,
  });
  return { engine, calls, known, hooks, process, streams, state, exit, sandboxEnd, members };
}
