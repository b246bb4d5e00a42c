/** What a container of a pod asks for, with what the pod decides: its network, its names, what its containers share. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { PodRecord } from '../../state/pods.ts';
import type { ContainerSpec, IsolationSpec, ResourceSpec } from '../../state/spec.ts';
import { SHARED_PID } from '../containers/cri-config.ts';

/** The network mode of the containers of a pod. */
export function podMode({ id }: Pick<PodRecord, 'id'>): string {
  return `pod:${id}`;
}

/** Flags of `pod create`, by those of `run` that a container of a pod cannot have. */
const OF_THE_POD: readonly (readonly [flag: string, given: (spec: ContainerSpec) => boolean])[] = [
  ['--publish', ({ ports }) => ports.length > 0],
  ['--network', ({ networkMode }) => networkMode !== 'default'],
  ['--network', ({ network }) => (network.moreNetworks ?? []).length > 0],
  ['--hostname', ({ hostname }) => hostname !== ''],
  ['--dns', ({ network }) => network.dns.length > 0],
  ['--dns-search', ({ network }) => network.dnsSearch.length > 0],
  ['--dns-option', ({ network }) => network.dnsOptions.length > 0],
  ['--add-host', ({ network }) => network.extraHosts.length > 0],
  ['--ip', ({ network }) => network.ip !== ''],
  ['--ip6', ({ network }) => (network.ip6 ?? '') !== ''],
  ['--mac-address', ({ network }) => network.macAddress !== ''],
  ['--network-alias', ({ network }) => network.aliases.length > 0],
  ['--sysctl', ({ isolation }) => Object.keys(isolation.sysctls).length > 0],
  ['--cgroup-parent', ({ isolation }) => isolation.cgroupParent !== ''],
  ['--shm-size', ({ resources }) => resources.shmSizeBytes !== 0],
];

/** Those that a pod has no flag for. */
const NOBODYS: typeof OF_THE_POD = [
  ['--publish-all', ({ network }) => network.publishAll],
  ['--domainname', ({ network }) => network.domainname !== ''],
  ['--uts', ({ isolation }) => isolation.utsMode !== ''],
  ['--ipc', ({ isolation }) => isolation.ipcMode !== ''],
  ['--userns', ({ isolation }) => isolation.usernsMode !== ''],
  ['--runtime', ({ security }) => !['', 'runc'].includes(security.runtime)],
];

/** Throws INVALID_ARGUMENT for what is the pod's to decide, naming where to ask for it. */
export function checkMember(pod: Pick<PodRecord, 'name'>, asked: ContainerSpec): void {
  const given = (flags: typeof OF_THE_POD) => flags.find(([, isGiven]) => isGiven(asked))?.[0];
  const ofPod = given(OF_THE_POD);
  if (ofPod !== undefined) refuse(ofPod, pod, `all containers of a pod have it together: k3c pod create ${ofPod}`);
  if (asked.isolation.pidMode !== '')
    refuse('--pid', pod, 'k3c pod create --share ipc,net,uts,pid lets its containers see each other');
  const other = given(NOBODYS);
  if (other !== undefined) refuse(other, pod, `leave ${other} away, or run the container without --pod`);
}

function refuse(flag: string, { name }: Pick<PodRecord, 'name'>, hint: string): never {
  throw new K3cError(Code.INVALID_ARGUMENT, `conflicting options: ${flag} and --pod ${name}`, {
    reason: 'bad-input',
    hint,
  });
}

/** Whose namespaces a container of the pod shares, as its row has it. */
export function memberIsolation({ spec }: Pick<PodRecord, 'spec'>, isolation: IsolationSpec): IsolationSpec {
  return { ...isolation, ipcMode: 'shareable', pidMode: spec.sharePid ? SHARED_PID : '' };
}

/** The size of the /dev/shm that all share is the pod's: each start gives it to the sandbox's. */
export function memberResources({ spec }: Pick<PodRecord, 'spec'>, resources: ResourceSpec): ResourceSpec {
  return { ...resources, shmSizeBytes: spec.shmSizeBytes || resources.shmSizeBytes };
}
