/** A container engine on a real containerd, with the real streams and images, and a network that only takes notes. */

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesHelperPath } from '../../src/bundle/program.ts';
import { type Containerd, connectContainerd } from '../../src/daemon/backends/containerd.ts';
import type { PortPublisher } from '../../src/daemon/engine/containers/dependencies.ts';
import { type ContainerEngine, createContainerEngine } from '../../src/daemon/engine/containers/engine.ts';
import type { ImageConfig, ResolvedImage } from '../../src/daemon/engine/containers/image-config.ts';
import { sampleSpec } from '../../src/daemon/engine/containers/samples.ts';
import type { ContainerSpec } from '../../src/daemon/engine/containers/types.ts';
import { createImageEngine } from '../../src/daemon/engine/images/images.ts';
import { NetworkMembers } from '../../src/daemon/engine/network/members.ts';
import { NamedNetworks } from '../../src/daemon/engine/network/named-networks.ts';
import { openDatabase, type State } from '../../src/daemon/state/database.ts';
import { silentLog } from '../../src/host/log.ts';
import { BUSYBOX_IMAGE, type Engine, startEngine, toolPath } from './engine.ts';
import { killTasks, unmountUnder } from './sweep.ts';

export interface Daemon {
  readonly engine: ContainerEngine;
  readonly state: State;
  readonly containerd: Containerd;
  /** What the network was asked to do, in order. */
  readonly network: readonly string[];
  /** As a daemon stops: containers run on. */
  close(): Promise<void>;
}

export interface Rig {
  readonly base: string;
  readonly children: Engine;
  /** A daemon's engine on the same state as the one before, reconciled. */
  boot(): Promise<Daemon>;
  /** What a reset of the machine does: every process, mount, namespace and file under the state directory is gone. No daemon runs. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** @param overrides what the image says besides its real configuration */
export async function startRig(
  bridge: { readonly name: string; readonly subnet: string },
  overrides: Partial<ImageConfig> = {},
): Promise<Rig> {
  const base = await mkdtemp(join(tmpdir(), 'k3c-ct-'));
  const state = join(base, 's');
  const children = await startEngine({ root: join(base, 'r'), state, bridge, buildkit: false });
  await mkdir(join(state, 'io'), { recursive: true });
  return {
    base,
    children,
    boot: () => bootDaemon(base, overrides),
    async reset() {
      await children.kill('containerd');
      await killTasks(state, toolPath('runc'));
      await unmountUnder([join(base, 'r'), state]);
      // What the tests configure lies there too.
      for (const name of ['containerd', 'runc', 'io']) await rm(join(state, name), { recursive: true, force: true });
      await mkdir(join(state, 'io'));
      await children.start('containerd');
    },
    async stop() {
      await children.stop();
      await rm(base, { recursive: true, force: true });
    },
  };
}

/** Removes all containers, ends the daemon and takes the rig away. */
export async function tearDown(rig: Rig, daemon: Daemon): Promise<void> {
  for (const { id } of await daemon.engine.list({ all: true, last: 0, filters: {} }))
    await daemon.engine.remove(id, { force: true, volumes: true });
  await daemon.close();
  await rig.stop();
}

/** Makes a daemon's engine on the directories of a rig, in this process or another, and reconciles it. */
export async function bootDaemon(base: string, overrides: Partial<ImageConfig> = {}): Promise<Daemon> {
  const state = join(base, 's');
  const containerd = connectContainerd(join(state, 'containerd.sock'));
  const images = createImageEngine({ containerd, snapshotter: 'overlayfs', log: silentLog });
  const database = openDatabase(join(base, 'k3c.db'));
  const network: string[] = [];
  const overridden = (image: ResolvedImage) => ({
    ...image,
    config: { config: { ...image.config.config, ...overrides } },
  });
  const engine = createContainerEngine({
    containerd,
    images: {
      commit: (options) => images.commit(options),
      resolve: async (reference) => overridden(await images.resolve(reference)),
      use: (reference, take) => images.use(reference, (image) => take(overridden(image))),
    },
    network: fakeNetwork(network),
    state: database,
    paths: {
      containers: join(base, 'containers'),
      logs: join(base, 'logs'),
      volumes: join(base, 'volumes'),
      containerdState: join(state, 'containerd'),
      fifos: join(state, 'io'),
      state,
    },
    filesHelper: filesHelperPath(),
    cgroupParent: '/k3c',
    facts: { snapshotter: 'overlayfs', seccomp: true },
    log: silentLog,
  });
  await engine.reconcile(AbortSignal.timeout(60_000));
  return {
    engine,
    state: database,
    containerd,
    network,
    close: async () => {
      await engine.close();
      database.close();
      containerd.close();
    },
  };
}

function fakeNetwork(notes: string[]): PortPublisher {
  let next = 40_000;
  const members = new NetworkMembers();
  return {
    members,
    named: new NamedNetworks('/nonexistent', () => assert.fail('no netlink here'), members),
    bridge: { id: 'default', name: 'test', cidr: '10.66.0.0/16', gateway: '10.66.0.1' },
    reserve: async (_owner, name, ports) => {
      notes.push(`reserve ${name}`);
      return ports.map((port) => ({ ...port, hostPort: port.hostPort === 0 ? next++ : port.hostPort }));
    },
    renamed: (_owner, name) => void notes.push(`renamed ${name}`),
    publish: async (_owner, ip) => void notes.push(`publish ${ip}`),
    release: async () => void notes.push('release'),
    reconcile: async (live) => void notes.push(`reconcile ${live.map(({ ownerName }) => ownerName).join(' ')}`.trim()),
    releaseStaleLeases: async () => 0,
  };
}

/** A specification with nothing asked for but what is given. */
export function specOf(over: Partial<ContainerSpec> = {}): ContainerSpec {
  return sampleSpec({ image: BUSYBOX_IMAGE, command: ['true'], ...over });
}

/** Runs a command to its end with a client attached from the start. */
export async function runToEnd(
  engine: ContainerEngine,
  over: Partial<ContainerSpec>,
  stdin?: string,
): Promise<{ readonly id: string; readonly out: string; readonly exitCode: number }> {
  const record = await engine.create(
    '',
    specOf({ ...over, openStdin: stdin !== undefined, stdinOnce: stdin !== undefined }),
  );
  const launched = await engine.start(record.id, { stdin: stdin !== undefined, stdout: true, stderr: true });
  if (launched?.attachment === undefined) throw new Error('it ran already');
  if (stdin !== undefined) {
    await launched.attachment.writeStdin(Buffer.from(stdin));
    launched.attachment.endStdin();
  }
  let out = '';
  for await (const { data } of launched.attachment.output) out += data.toString();
  const { exitCode } = await launched.live.exit;
  return { id: record.id, out, exitCode };
}
