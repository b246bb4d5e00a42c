/** network connect and disconnect: one more or one less network, while a container runs or before its next start. Errors are docker's. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import type { EndpointSpec } from '../../state/spec.ts';
import { unplug } from '../network/plug.ts';
import { findNetwork } from '../networks/find-network.ts';
import type { EngineContext } from './context.ts';
import { type AskedEndpoint, newEndpoint } from './endpoints.ts';
import { findContainer, recordNow } from './identity.ts';
import { donorOf, isOnDefault, networkNames } from './network-mode.ts';
import { plugEndpoint } from './network-side.ts';
import { processId } from './process-id.ts';
import { tellNetwork } from './resource-events.ts';

/** The default network's interface, as the CNI plugins call it. */
const DEFAULT_INTERFACE = 'eth0';

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
    if (found.kind === 'predefined') return rejoinDefault(context, record);
    const endpoint = newEndpoint(found.network, asked);
    if (!context.live.has(id)) {
      context.state.containers.update(id, { endpoints: [...record.endpoints, endpoint] });
      return;
    }
    const netns = await netnsOf(context, record);
    const made = plugEndpoint(context, record, netns, endpoint);
    context.state.transaction(() => {
      const endpoints = [...record.endpoints, made];
      context.state.containers.update(id, { endpoints, ...(record.ip === '' ? { ip: made.ip } : {}) });
      tellNetwork(context, record, 'connect', { id: made.network, name: made.networkName });
    });
  });
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
    if (context.live.has(id)) await takeOff(context, record, gone, endpoints);
    const spec =
      gone === undefined ? { ...record.spec, network: { ...record.spec.network, leftDefault: true } } : record.spec;
    context.state.transaction(() => {
      const moved = gone === undefined || gone.ip === record.ip ? { ip: endpoints[0]?.ip ?? '' } : {};
      context.state.containers.update(id, { endpoints, spec, ...(context.live.has(id) ? moved : {}) });
      if (context.live.has(id)) tellNetwork(context, record, 'disconnect', found.network);
    });
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
  members.leave(record.id, gone?.network ?? bridge.id);
  if (gone === undefined) {
    unplug(netns, DEFAULT_INTERFACE);
    named.leadOut(netns, left);
  } else named.unplug(record.id, netns, gone, isOnDefault(record) ? [] : left);
  const lost = gone === undefined || gone.ip === record.ip;
  if (record.ports.length === 0 || !lost) return;
  const next = left.find(({ network }) => members.network(network)?.internal === false);
  if (next === undefined) await context.network.release(record.id);
  else await context.network.publish(record.id, next.ip, record.ports, next.ip6);
}

/** Where the CNI plugins have made the interface once, they make it again only with a new pod. */
function rejoinDefault(context: EngineContext, record: ContainerRecord): void {
  if (context.live.has(record.id) || record.spec.networkMode !== 'default')
    throw new K3cError(Code.FAILED_PRECONDITION, `k3c cannot connect container ${record.name} to network bridge`, {
      hint:
        record.spec.networkMode === 'default'
          ? 'stop it first: it gets its place on bridge back when it starts'
          : 'make a network of your own for both containers',
    });
  const network = { ...record.spec.network, leftDefault: false };
  context.state.containers.update(record.id, { spec: { ...record.spec, network } });
}

async function netnsOf(context: EngineContext, record: ContainerRecord): Promise<string> {
  const own = context.network.named.pathOf(record.id);
  return own ?? `/proc/${await processId(context, record.criId)}/ns/net`;
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
