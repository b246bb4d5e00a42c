/** Recording a pod: all that is wrong with the request is found here. Its sandbox is made by the first start. */
import { Code, K3cError } from '../../../api/errors.ts';
import { NO_ISOLATION, type PodSpec } from '../../state/spec.ts';
import type { EngineContext } from '../containers/context.ts';
import { checkNetwork } from '../containers/endpoints.ts';
import { checkNameFree, isNameTaken } from '../containers/free-name.ts';
import { newId } from '../containers/identity.ts';
import { checkIsolation } from '../containers/limits/check-isolation.ts';
import { readKernelLimits } from '../containers/limits/kernel-limits.ts';
import { generateName } from '../containers/names.ts';
import { donorOf } from '../containers/network-mode.ts';
import { tellPod } from './events.ts';
import type { CreatedPod } from './types.ts';

/** The longest name of a host (sethostname(2)), less one as docker has it. */
const HOSTNAME_LENGTH = 63;

/** The row and its event are one transaction. See PodEngine.create for what is thrown. */
export function createPod(context: EngineContext, name: string, asked: PodSpec): CreatedPod {
  const { state } = context;
  const given = name === '' ? undefined : checkPodName(name);
  checkSpec(context, asked);
  const network = checkNetwork(state, asked);
  const discarded = asked.networkMode === 'host' && asked.ports.length > 0;
  const warnings = [
    ...network.warnings,
    ...(discarded ? ['Published ports are discarded when using host network mode'] : []),
  ];
  return state.transaction(() => {
    if (given !== undefined) checkNameFree(state, given, 'pod');
    const chosen = given ?? generateName((candidate) => isNameTaken(state, candidate));
    const usual = asked.networkMode === 'host' ? context.hostHostname : chosen.slice(0, HOSTNAME_LENGTH);
    const hostname = asked.hostname === '' ? usual : asked.hostname;
    const record = {
      id: newId(),
      name: chosen,
      spec: { ...asked, hostname, networkMode: network.networkMode, network: network.network },
      config: { hostname },
      createdAt: context.now(),
      state: 'created' as const,
      attempt: -1,
      sandboxId: '',
      ports: [],
      ip: '',
      endpoints: network.endpoints,
      startedAt: 0n,
    };
    state.pods.insert(record);
    tellPod(context, record, 'create');
    return { ...record, warnings };
  });
}

function checkPodName(name: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) return name;
  return refuse(`Invalid pod name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
}

function checkSpec({ cgroupParent }: EngineContext, asked: PodSpec): void {
  const { hostname, networkMode, ports, sysctls, shmSizeBytes } = asked;
  if (shmSizeBytes < 0) refuse('SHM size can not be less than 0');
  if (hostname !== '' && !/^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,62})$/.test(hostname))
    refuse(`invalid hostname format: ${hostname}`);
  if (donorOf(networkMode) !== undefined)
    refuse(
      `a pod cannot share the network of ${networkMode}: its containers share its own`,
      'use --network with the name of a network, host or none',
    );
  if (networkMode === 'none' && ports.length > 0)
    refuse('conflicting options: port publishing and the network mode none');
  // runc's sentence, which would come with the first start only.
  const ofHost = Object.keys(sysctls).find((key) => networkMode === 'host' && key.startsWith('net.'));
  if (ofHost !== undefined) refuse(`sysctl "${ofHost}" not allowed in host network namespace`);
  checkIsolation(
    { isolation: { ...NO_ISOLATION, cgroupParent: asked.cgroupParent }, hostname: '' },
    { kernel: readKernelLimits(), systemd: cgroupParent.endsWith('.slice'), idOf: () => undefined },
  );
}

function refuse(message: string, hint?: string): never {
  throw new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input', ...(hint === undefined ? {} : { hint }) });
}
