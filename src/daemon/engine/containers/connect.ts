/** network connect and disconnect: one more or one less network, while a container runs or before its next start. Errors are docker's. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import type { EndpointSpec } from '../../state/spec.ts';
import { unplug } from '../network/plug.ts';
import { findNetwork } from '../networks/find-network.ts';
import type { EngineContext } from './context.ts';
import { type AskedEndpoint, defaultEndpoint, newEndpoint } from './endpoints.ts';
import { filesOf, networkIdentity, resolverOf } from './host-side.ts';
import { findContainer, recordNow } from './identity.ts';
import { changeHosts, changeResolver } from './network-files.ts';
import { DEFAULT_INTERFACE, donorOf, networkNames } from './network-mode.ts';
import { allAddresses, canPublish, plugEndpoint, publishedAddress } from './network-side.ts';
import { tellNetwork } from './resource-events.ts';
import { netnsOf } from './sandbox-netns.ts';

/** Puts a container on one more network. Throws NOT_FOUND for either, and INVALID_ARGUMENT for what cannot be had. */
export async function connectContainer(
  context: EngineContext,
  network: string,
  reference: string,
  asked: AskedEndpoint,
): Promise<void> {
  const { id } = findContainer(context.state.containers, reference);
  await context.locks.run(id, async () => {
    const record = recordNow(context.state.containers, id);
    const found = findNetwork(context.state, network);
    checkMode(record, found.network.name);
    if (networkNames(record).includes(found.network.name))
      throw forbidden(`endpoint with name ${record.name} already exists in network ${found.network.name}`);
    // What makes the interface of a start on the default network does not make it for a container that runs.
    const endpoint = found.kind === 'predefined' ? defaultEndpoint(asked) : newEndpoint(found.network, asked);
    if (context.live.has(id)) return await plugInNow(context, record, endpoint);
    const change =
      found.kind === 'predefined' && record.spec.networkMode === 'default'
        ? { spec: { ...record.spec, network: { ...record.spec.network, leftDefault: false } } }
        : { endpoints: [...record.endpoints, endpoint] };
    context.state.containers.update(id, change);
  });
}

/** While it runs: an interface, names, its line in /etc/hosts, and ports that lead there where they led nowhere. */
async function plugInNow(context: EngineContext, record: ContainerRecord, endpoint: EndpointSpec): Promise<void> {
  const netns = await netnsOf(context, record);
  // Given up with the last network that led out.
  const reserved = record.ports.length > 0 && !canPublish(context, record);
  if (reserved) await context.network.reserve(record.id, `container ${record.name}`, record.ports);
  let after: ContainerRecord;
  try {
    after = plugAndNote(context, record, netns, endpoint);
  } catch (error) {
    if (reserved) await context.network.release(record.id);
    throw error;
  }
  await followAddresses(context, record, after);
}

/** The interface, then the row; an interface that cannot be noted is taken away again. */
function plugAndNote(
  context: EngineContext,
  record: ContainerRecord,
  netns: string,
  endpoint: EndpointSpec,
): ContainerRecord {
  const made = plugEndpoint(context, record, netns, endpoint);
  const after = { ...record, endpoints: [...record.endpoints, made], ip: record.ip === '' ? made.ip : record.ip };
  try {
    context.state.transaction(() => {
      context.state.containers.update(record.id, { endpoints: after.endpoints, ip: after.ip });
      tellNetwork(context, record, 'connect', { id: made.network, name: made.networkName });
    });
  } catch (error) {
    context.network.members.leave(record.id, made.network);
    context.network.named.unplug(record.id, netns, made, record.endpoints);
    throw error;
  }
  return after;
}

/** Brings /etc/hosts, /etc/resolv.conf and the published ports to where a container that runs is now. */
async function followAddresses(context: EngineContext, before: ContainerRecord, after: ContainerRecord): Promise<void> {
  const [old, now] = [allAddresses(before), allAddresses(after)];
  const [files, identity] = [filesOf(context, after), networkIdentity(context, after)];
  await changeHosts(files, identity, {
    added: now.filter((address) => !old.includes(address)),
    removed: old.filter((address) => !now.includes(address)),
  });
  const [from, resolver] = await Promise.all([resolverOf(context, before), resolverOf(context, after)]);
  await changeResolver(files, from, { ...identity, resolver });
  if (after.ports.length === 0) return;
  if (!canPublish(context, after)) return await context.network.release(after.id);
  const { podIp, podIp6 } = publishedAddress(context, after);
  await context.network.publish(after.id, podIp, after.ports, podIp6);
}

/** Takes a container off a network. @param force a container that is not there is no failure */
export async function disconnectContainer(
  context: EngineContext,
  network: string,
  reference: string,
  force: boolean,
): Promise<void> {
  const found = findNetwork(context.state, network);
  let id: string;
  try {
    ({ id } = findContainer(context.state.containers, reference));
  } catch (error) {
    if (force && error instanceof K3cError && error.code === Code.NOT_FOUND) return;
    throw error;
  }
  await context.locks.run(id, async () => {
    const record = recordNow(context.state.containers, id);
    const { name } = found.network;
    checkMode(record, name);
    if (!networkNames(record).includes(name))
      throw forbidden(`container ${record.id} is not connected to network ${name}`);
    const endpoints = record.endpoints.filter((one) => one.network !== found.network.id);
    const gone = record.endpoints.find((one) => one.network === found.network.id);
    const spec =
      gone === undefined ? { ...record.spec, network: { ...record.spec.network, leftDefault: true } } : record.spec;
    const moved = gone === undefined || gone.ip === record.ip ? { ip: endpoints[0]?.ip ?? '' } : {};
    // The row first: an interface that no row tells of is taken away by the next daemon.
    context.state.containers.update(id, { endpoints, spec, ...(context.live.has(id) ? moved : {}) });
    if (!context.live.has(id)) return;
    try {
      await takeOff(context, record, gone, endpoints);
    } catch (error) {
      if (context.live.has(id)) {
        const { ip } = record;
        context.state.containers.update(id, { endpoints: record.endpoints, spec: record.spec, ip });
      }
      throw error;
    }
    tellNetwork(context, record, 'disconnect', found.network);
    await followAddresses(context, record, { ...record, endpoints, spec, ...moved });
  });
}

/** @param gone undefined: the default network's */
async function takeOff(
  context: EngineContext,
  record: ContainerRecord,
  gone: EndpointSpec | undefined,
  left: readonly EndpointSpec[],
): Promise<void> {
  const netns = await netnsOf(context, record);
  const { members, named, bridge } = context.network;
  if (gone === undefined) {
    unplug(netns, DEFAULT_INTERFACE);
    named.leadOut(netns, left);
  } else named.unplug(record.id, netns, gone, left);
  members.leave(record.id, gone?.network ?? bridge.id);
}

function checkMode({ spec }: ContainerRecord, network: string): void {
  if (spec.networkMode === 'host' || network === 'host')
    throw forbidden('container cannot be disconnected from host network or connected to host network');
  if (spec.pod !== '')
    throw new K3cError(
      Code.FAILED_PRECONDITION,
      "container of a pod cannot be connected to or disconnected from a network: the network is its pod's",
      { reason: 'bad-input', hint: 'k3c pod create --network says which networks a pod is on' },
    );
  if (donorOf(spec.networkMode) !== undefined)
    throw forbidden(
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  if (spec.networkMode === 'none' || network === 'none')
    throw forbidden(
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
}

function forbidden(message: string): K3cError {
  return new K3cError(Code.FAILED_PRECONDITION, message, { reason: 'bad-input' });
}
