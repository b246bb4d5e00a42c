/** What a container needs on the host before it can be created: its log directory, its files, the sources of its mounts. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ContainerRecord } from '../../state/containers.ts';
import type { EngineContext } from './context.ts';
import type { HostMount } from './cri-config.ts';
import { INIT_MOUNT } from './init-mount.ts';
import { type NetworkFiles, type NetworkIdentity, networkFiles, writeNetworkFiles } from './network-files.ts';
import { isOnDefault } from './network-mode.ts';
import { openSource } from './volumes.ts';

export interface HostSide {
  readonly files: NetworkFiles;
  readonly mounts: readonly HostMount[];
}

/** How the container is known on its network. */
export function networkIdentity(context: EngineContext, record: ContainerRecord): NetworkIdentity {
  const { spec, config } = record;
  return {
    networkMode: spec.networkMode,
    hostname: config.hostname,
    asked: spec.network,
    // The host itself answers on its loopback device there.
    hostGateway: gatewayOf(context, record),
  };
}

function gatewayOf({ network }: EngineContext, record: ContainerRecord): string {
  if (isOnDefault(record)) return network.bridge.gateway;
  const [first] = record.endpoints;
  return (first && network.members.network(first.network)?.gateway) ?? '127.0.0.1';
}

async function writeFiles(context: EngineContext, record: ContainerRecord): Promise<NetworkFiles> {
  const network = isOnDefault(record) ? context.network.bridge.id : record.endpoints[0]?.network;
  const resolver = network === undefined ? undefined : await context.resolver(network);
  const identity = { ...networkIdentity(context, record), resolver };
  return await writeNetworkFiles(join(context.paths.containers, record.id), identity);
}

/**
 * Makes it; all of it may be there already from an earlier attempt.
 * @param donor whose network namespace it shares, and so its names too
 */
export async function prepareHost(
  context: EngineContext,
  record: ContainerRecord,
  donor?: ContainerRecord | undefined,
): Promise<HostSide> {
  const { spec, config } = record;
  const [files, sources] = await Promise.all([
    donor === undefined ? writeFiles(context, record) : networkFiles(join(context.paths.containers, donor.id)),
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
