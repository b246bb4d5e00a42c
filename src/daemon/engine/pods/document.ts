/** podman's document of a pod (libpod/define, InspectPodData), with CRI's ids beside it. */
import { Code, hasCode } from '../../../api/errors.ts';
import type { State } from '../../state/database.ts';
import type { PodRecord } from '../../state/pods.ts';
import type { EndpointSpec, PodSpec } from '../../state/spec.ts';
import { findContainer } from '../containers/identity.ts';
import { portMap } from '../containers/inspect/ports.ts';
import { isoTime } from '../containers/iso-time.ts';
import { DEFAULT_SHM_BYTES } from '../containers/limits/check-resources.ts';
import { findPod, noSuchPod } from './find-pod.ts';
import { listedPod, podOfOne } from './list.ts';
import type { ListedPod } from './types.ts';

type Stores = Pick<State, 'containers' | 'pods'>;
type Facts = Pick<PodRecord, 'attempt' | 'endpoints' | 'startedAt'> & { readonly spec: PodSpec };

/** The name of a container that is in no pod of a user gives its pod of one. NOT_FOUND (pod-not-found). */
export function inspectPod(state: Stores, reference: string): Record<string, unknown> {
  try {
    const pod = findPod(state.pods, reference);
    return podDocument(listedPod(state, pod), pod);
  } catch (error) {
    if (!hasCode(error, Code.NOT_FOUND)) throw error;
  }
  return podOfOneDocument(state, reference);
}

function podOfOneDocument({ containers }: Stores, reference: string): Record<string, unknown> {
  let record: ReturnType<typeof findContainer>;
  try {
    record = findContainer(containers, reference);
  } catch (error) {
    if (hasCode(error, Code.NOT_FOUND)) throw noSuchPod(reference);
    throw error;
  }
  if (record.spec.pod !== '') throw noSuchPod(reference);
  const { spec, config, attempt, endpoints, startedAt } = record;
  const { networkMode, network, ports, annotations, isolation, resources } = spec;
  const { sysctls, cgroupParent } = isolation;
  const { shmSizeBytes } = resources;
  const asked = { networkMode, network, ports, annotations, sysctls, cgroupParent, shmSizeBytes };
  return podDocument(podOfOne(record), {
    attempt,
    endpoints,
    startedAt,
    spec: { ...asked, hostname: config.hostname, labels: config.labels, sharePid: false },
  });
}

function podDocument(pod: ListedPod, { spec, attempt, endpoints, startedAt }: Facts): Record<string, unknown> {
  const { network } = spec;
  return {
    Id: pod.id,
    Name: pod.name,
    Created: isoTime(pod.createdAt),
    StartedAt: isoTime(startedAt),
    State: `${pod.state.charAt(0).toUpperCase()}${pod.state.slice(1)}`,
    Hostname: spec.hostname,
    Labels: pod.labels,
    Annotations: spec.annotations,
    CgroupParent: spec.cgroupParent,
    CreateInfra: true,
    InfraContainerID: pod.sandboxId,
    InfraConfig: {
      PortBindings: portMap(pod.ports.length > 0 ? pod.ports : spec.ports, ({ hostIp, hostPort }) => ({
        HostIp: hostIp,
        HostPort: hostPort === 0 ? '' : String(hostPort),
      })),
      HostNetwork: spec.networkMode === 'host',
      StaticIP: network.ip,
      StaticMAC: network.macAddress,
      DNSServer: network.dns,
      DNSSearch: network.dnsSearch,
      DNSOption: network.dnsOptions,
      HostAdd: network.extraHosts,
      Networks: pod.networks,
    },
    SharedNamespaces: ['ipc', 'net', 'uts', ...(spec.sharePid ? ['pid'] : [])],
    Sysctls: spec.sysctls,
    ShmSize: spec.shmSizeBytes || DEFAULT_SHM_BYTES,
    IPAddress: pod.ip,
    Networks: Object.fromEntries([
      ...(pod.networks.includes('bridge') ? [['bridge', { IPAddress: pod.ip, Aliases: network.aliases }]] : []),
      ...endpoints.map((endpoint) => [endpoint.networkName, endpointDocument(endpoint, pod.sandboxId !== '')]),
    ]),
    NumContainers: pod.containers.length,
    Containers: pod.containers.map(({ id, name, state }) => ({ Id: id, Name: name, State: state })),
    K3c: { SandboxId: pod.sandboxId, Attempt: Math.max(attempt, 0), Pod: pod.name },
  };
}

/** @param present whether there is a sandbox: the row keeps the addresses of the last one */
function endpointDocument({ ip, ip6 = '', mac, aliases }: EndpointSpec, present: boolean): Record<string, unknown> {
  const addresses = present
    ? { IPAddress: ip, GlobalIPv6Address: ip6, MacAddress: mac }
    : { IPAddress: '', GlobalIPv6Address: '', MacAddress: '' };
  return { ...addresses, Aliases: aliases };
}
