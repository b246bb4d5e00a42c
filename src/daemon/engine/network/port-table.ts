import { isIPv6 } from 'node:net';
import { Code, K3cError } from '../../../api/errors.ts';
import type { PortMapping, PortRequest } from './host-network.ts';

/** One reserved port and whose it is. */
export interface Reservation {
  readonly owner: string;
  /** What the error for a taken port calls it: `container web`, `pod duo`. A container may be renamed. */
  ownerName: string;
  readonly mapping: PortMapping;
}

/** "0.0.0.0:8080", as docker writes the place of a port; IPv6 addresses in brackets. */
export function describePort({ hostIp, hostPort }: PortRequest): string {
  if (hostIp === '') return `0.0.0.0:${hostPort}`;
  return isIPv6(hostIp) ? `[${hostIp}]:${hostPort}` : `${hostIp}:${hostPort}`;
}

/** The error for a port that is taken; the words are docker's. */
export function portInUse(request: PortRequest, holder: string, cause?: unknown): K3cError {
  return new K3cError(
    Code.ALREADY_EXISTS,
    `Bind for ${describePort(request)} failed: port is already allocated (${holder})`,
    {
      reason: 'port-in-use',
      hint: 'publish another host port, or free this one first',
      cause,
    },
  );
}

/** Whether two host addresses cover a common address. '' is all of both families, 0.0.0.0 and :: all of one. */
function sameAddress(one: string, other: string): boolean {
  if (one === '' || other === '' || one === other) return true;
  if (isIPv6(one) !== isIPv6(other)) return false;
  return [one, other].some((address) => address === '0.0.0.0' || address === '::');
}

function equalMapping(one: PortRequest, other: PortRequest): boolean {
  return (
    one.hostIp === other.hostIp &&
    one.hostPort === other.hostPort &&
    one.protocol === other.protocol &&
    one.containerPort === other.containerPort
  );
}

/** Which host ports are whose. Holds no sockets: it settles who may ask the kernel for a port. */
export class PortTable {
  readonly #byPort = new Map<string, Reservation[]>();

  #key({ protocol, hostPort }: PortRequest): string {
    return `${protocol}/${hostPort}`;
  }

  /** The reservation of this very mapping by this owner. */
  find(owner: string, mapping: PortRequest): Reservation | undefined {
    return this.#byPort
      .get(this.#key(mapping))
      ?.find((held) => held.owner === owner && equalMapping(held.mapping, mapping));
  }

  /** Takes a port. Throws ALREADY_EXISTS naming the holder. */
  take(reservation: Reservation): void {
    const key = this.#key(reservation.mapping);
    const held = this.#byPort.get(key) ?? [];
    const holder = held.find(({ mapping }) => sameAddress(mapping.hostIp, reservation.mapping.hostIp));
    if (holder !== undefined) throw portInUse(reservation.mapping, `${holder.ownerName} has it`);
    this.#byPort.set(key, [...held, reservation]);
  }

  /** Gives a port back. */
  free(reservation: Reservation): void {
    const key = this.#key(reservation.mapping);
    const rest = (this.#byPort.get(key) ?? []).filter((held) => held !== reservation);
    if (rest.length === 0) this.#byPort.delete(key);
    else this.#byPort.set(key, rest);
  }
}
