/** Which ports a start asks the host for, and what it got. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { PortSpec, ResolvedConfig } from '../../state/spec.ts';
import { networkNames } from './network-mode.ts';
import type { NetworkOwner } from './network-owner.ts';

/**
 * The ports of -p and, with -P, those that the image or --expose names and -p does not: the host picks their numbers anew
 * at every start, as docker does. INVALID_ARGUMENT for one that is neither of TCP nor of UDP.
 */
export function portsToPublish(
  asked: readonly PortSpec[],
  config: Pick<ResolvedConfig, 'exposedPorts'>,
  publishAll: boolean,
): readonly PortSpec[] {
  if (!publishAll) return asked;
  const named = new Set(asked.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`));
  const rest = config.exposedPorts
    .filter((port) => !named.has(port))
    .map((port): PortSpec => {
      const [number = '', protocol] = port.split('/', 2);
      if (protocol !== 'tcp' && protocol !== 'udp')
        throw new K3cError(Code.INVALID_ARGUMENT, `cannot publish ${port}: k3c publishes tcp and udp`, {
          reason: 'bad-input',
          hint: 'name the ports to publish with -p instead of -P',
        });
      return { hostIp: '', hostPort: 0, containerPort: Number(number), protocol };
    });
  return [...asked, ...rest];
}

type Networked = Pick<NetworkOwner, 'spec' | 'endpoints'>;

/** Whether a port of it means anything: not on the host's network, on none, and while it was taken off all of its own. */
function hasPorts(record: Networked): boolean {
  return networkNames(record).some((name) => name !== 'host' && name !== 'none');
}

/** The published ports of a container as docker tells them. */
export function toldPorts(record: Networked & { readonly ports: readonly PortSpec[] }): PortSpec[] {
  return hasPorts(record) ? boundPorts(record.ports) : [];
}

/** Those that it exposes, published or not: `80/tcp`. */
export function toldExposed(record: Networked & { readonly config: Pick<ResolvedConfig, 'exposedPorts'> }) {
  return hasPorts(record) ? record.config.exposedPorts : [];
}

/**
 * Ports as docker tells them: one that is published on every address of the host is there twice, for both families, unless the host
 * has no IPv6.
 */
export function boundPorts(published: readonly PortSpec[]): PortSpec[] {
  return published.flatMap(({ ipv4Only = false, ...port }) => {
    if (port.hostIp !== '') return [port];
    return (ipv4Only ? ['0.0.0.0'] : ['0.0.0.0', '::']).map((hostIp) => ({ ...port, hostIp }));
  });
}
