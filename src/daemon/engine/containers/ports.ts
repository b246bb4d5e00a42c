/** Which ports a start asks the host for, and what it got. */
import type { PortSpec, ResolvedConfig } from '../../state/spec.ts';

/**
 * The ports of -p and, with -P, those that the image or --expose names and -p does not: the host picks their numbers anew
 * at every start, as docker does.
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
      return {
        hostIp: '',
        hostPort: 0,
        containerPort: Number(number),
        protocol: protocol === 'udp' ? 'udp' : 'tcp',
      };
    });
  return [...asked, ...rest];
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
