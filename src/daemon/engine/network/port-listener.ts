import { isIPv6 } from 'node:net';
import type { PortRequest } from './host-network.ts';
import { listenTcp } from './tcp-proxy.ts';
import { listenUdp } from './udp-proxy.ts';

/** Where a listener passes on what comes in. */
export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
}

/**
 * A socket on a published port. It makes the port visibly taken (rules alone would silently steal it from a process of
 * the host, or the other way round), and it serves what the rules do not: IPv6, and everything where there are none.
 */
export interface PortListener {
  /** The port that it got when 0 was asked for. */
  readonly port: number;
  /** Before a target is set, connections are refused and datagrams dropped. */
  setTarget(target: ProxyTarget | undefined): void;
  /** Frees the port and ends what goes through it. */
  close(): void;
}

/** Where to bind. `dualStack` lets a socket on :: take IPv4 too. */
export interface BindAddress {
  readonly host: string;
  readonly port: number;
  readonly dualStack: boolean;
}

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

/** Whether the rules lead this port's packets to the pod without the listener. */
export function servedByRules({ hostIp }: PortRequest): boolean {
  return !isIPv6(hostIp);
}
