/** The files of a container that runs, brought to what its row says: a daemon may have died between the two. */
import { readFile, stat } from 'node:fs/promises';
import type { ContainerRecord } from '../../state/containers.ts';
import type { EngineContext } from './context.ts';
import { filesOf, networkIdentity, resolverOf } from './host-side.ts';
import {
  changeHosts,
  changeResolver,
  hostsLine,
  MAX_BYTES,
  type NetworkIdentity,
  nameServersOf,
  writeHosts,
} from './network-files.ts';
import { hasOwnNetns, isOnDefault } from './network-mode.ts';
import { allAddresses } from './network-side.ts';

/**
 * Writes /etc/hosts and /etc/resolv.conf of a container that is on networks, at the start of a daemon, where they differ: the addresses of
 * its own name, and a resolver of ours on a network that it is not on. What else is in them stays; a file that is empty was
 * being written. Never throws: a container that cannot be told of its addresses runs all the same.
 */
export async function renewFiles(context: EngineContext, record: ContainerRecord): Promise<void> {
  if (record.spec.pod !== '' || !(isOnDefault(record) || hasOwnNetns(record))) return;
  try {
    await renewHosts(context, record);
    await renewResolver(context, record);
  } catch (err) {
    context.log.warn({ err, container: record.id }, 'cannot renew the hosts and the resolver of a container');
  }
}

async function renewHosts(context: EngineContext, record: ContainerRecord): Promise<void> {
  const files = filesOf(context, record);
  if ((await stat(files.hosts)).size > MAX_BYTES) return;
  const identity = networkIdentity(context, record);
  const addresses = allAddresses(record);
  const lines = (await readFile(files.hosts, 'utf8')).split('\n').filter((line) => line !== '');
  if (lines.length === 0) return await writeHosts(files, identity, addresses);
  await changeHosts(files, identity, hostsChange(lines, identity, addresses));
}

/** A line of --add-host may look like one of ours, with another address: that one stays. */
function hostsChange(lines: readonly string[], identity: NetworkIdentity, addresses: readonly string[]) {
  const asked = identity.asked.extraHosts.map((entry) => entry.slice(entry.indexOf(':') + 1));
  const firstWords = lines.map((line) => line.split(/\s/, 1)[0] ?? '');
  return {
    added: addresses.filter((address) => !firstWords.includes(address)),
    removed: firstWords.filter(
      (address, at) =>
        lines[at] === hostsLine(identity, address) && !addresses.includes(address) && !asked.includes(address),
    ),
  };
}

async function renewResolver(context: EngineContext, record: ContainerRecord): Promise<void> {
  const resolver = await resolverOf(context, record);
  const files = filesOf(context, record);
  if (resolver === undefined || (await stat(files.resolvConf)).size > MAX_BYTES) return;
  const [server] = nameServersOf(await readFile(files.resolvConf, 'utf8'));
  if (server !== undefined && foreignGateways(context, record).includes(server))
    await changeResolver(files, server, { asked: record.spec.network, resolver });
}

/** Of networks that it is not on. */
function foreignGateways({ state, network }: EngineContext, record: ContainerRecord): string[] {
  const own = new Set(record.endpoints.map((endpoint) => endpoint.network));
  const all = [
    ...(isOnDefault(record) ? [] : [{ id: network.bridge.id, gateway: network.bridge.gateway }]),
    ...state.networks.list().map(({ id, config }) => ({ id, gateway: config.gateway })),
  ];
  return all.filter(({ id }) => !own.has(id)).map(({ gateway }) => gateway);
}
