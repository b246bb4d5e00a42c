import type { PortRequest } from './host-network.ts';
import type { PortListener } from './listening.ts';
import { listenTcp } from './tcp-proxy.ts';
import { listenUdp } from './udp-proxy.ts';

/** Opens the listener of a port; fails with the errors of listen(2) and bind(2). */
export async function openPortListener({ hostIp, hostPort, protocol }: PortRequest): Promise<PortListener> {
  const listen = protocol === 'tcp' ? listenTcp : listenUdp;
  if (hostIp !== '') return await listen({ host: hostIp, port: hostPort, dualStack: false });
  try {
    return await listen({ host: '::', port: hostPort, dualStack: true });
  } catch (error) {
    // A kernel without IPv6.
    if (!['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return await listen({ host: '0.0.0.0', port: hostPort, dualStack: false });
  }
}
