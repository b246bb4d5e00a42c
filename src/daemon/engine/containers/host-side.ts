/** What a container needs on the host before it can be created: its log directory, its files, the sources of its mounts. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ContainerRecord } from '../../state/containers.ts';
import type { EngineContext } from './context.ts';
import type { HostMount } from './cri-config.ts';
import { INIT_MOUNT } from './init-mount.ts';
import { type NetworkFiles, type NetworkIdentity, networkFiles, writeNetworkFiles } from './network-files.ts';
import { isOnDefault } from './network-mode.ts';
import type { NetworkOwner } from './network-owner.ts';
import { openSource } from './volumes.ts';

export interface HostSide {
  readonly files: NetworkFiles;
  readonly mounts: readonly HostMount[];
}

/** How the container is known on its network. */
export function networkIdentity(context: EngineContext, owner: NetworkOwner): NetworkIdentity {
  const { spec, config } = owner;
  return {
    networkMode: spec.networkMode,
    hostname: config.hostname,
    asked: spec.network,
    // The host itself answers on its loopback device there.
    hostGateway: gatewayOf(context, owner),
  };
}

function gatewayOf({ network }: EngineContext, owner: NetworkOwner): string {
  if (isOnDefault(owner)) return network.bridge.gateway;
  const [first] = owner.endpoints;
  return (first && network.members.network(first.network)?.gateway) ?? '127.0.0.1';
}

/** Where names are answered on its first network; undefined: it is on none, or nobody answers there. */
export async function resolverOf(context: EngineContext, owner: NetworkOwner): Promise<string | undefined> {
  const network = isOnDefault(owner) ? context.network.bridge.id : owner.endpoints[0]?.network;
  return network === undefined ? undefined : await context.resolver(network);
}

/** Makes or renews them; the addresses follow with connectNetworks(). */
export async function writeFiles(context: EngineContext, owner: NetworkOwner): Promise<NetworkFiles> {
  const identity = { ...networkIdentity(context, owner), resolver: await resolverOf(context, owner) };
  return await writeNetworkFiles(join(context.paths.containers, owner.id), identity);
}

/** Those of a container that was started: its pod's, where it is in one. */
export function filesOf({ paths }: Pick<EngineContext, 'paths'>, { id, spec }: Pick<ContainerRecord, 'id' | 'spec'>) {
  return networkFiles(join(paths.containers, spec.pod === '' ? id : spec.pod));
}

/**
 * Makes it; all of it may be there already from an earlier attempt.
 * @param shared the names on the network of whoever it shares that with; absent: its own
 */
export async function prepareHost(
  context: EngineContext,
  record: ContainerRecord,
  shared?: NetworkFiles | undefined,
): Promise<HostSide> {
  const { spec, config } = record;
  const [files, sources] = await Promise.all([
    shared ?? writeFiles(context, record),
    Promise.all(
      config.mounts
        .filter(({ type }) => type !== 'tmpfs')
        .map(async (mount) => ({
          hostPath: await openSource(context, mount, record.id),
          containerPath: mount.target,
          readOnly: mount.readOnly || (mount.volume !== '' && context.volumeMounts.isReadOnly(mount.volume)),
          propagation: mount.propagation,
          relabel: mount.relabel,
        })),
    ),
    mkdir(dirname(record.logPath), { recursive: true, mode: 0o710 }),
  ]);
  const own = [
    { hostPath: files.hosts, containerPath: '/etc/hosts' },
    { hostPath: files.hostname, containerPath: '/etc/hostname' },
    { hostPath: files.resolvConf, containerPath: '/etc/resolv.conf' },
  ].map((mount) => ({ ...mount, readOnly: false, propagation: 'rprivate' }));
  const init =
    spec.init && spec.isolation.pidMode === '' && context.paths.init !== undefined
      ? [{ hostPath: context.paths.init, containerPath: INIT_MOUNT, readOnly: true, propagation: 'rprivate' }]
      : [];
  // A mount of the user at one of these paths is the one that counts.
  const taken = new Set(sources.map(({ containerPath }) => containerPath));
  return { files, mounts: [...sources, ...[...own, ...init].filter(({ containerPath }) => !taken.has(containerPath))] };
}
