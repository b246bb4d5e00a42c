import { Code, K3cError } from '../../../api/errors.ts';
import type { Log } from '../../../host/log.ts';
import type { PortMapping, PortRequest } from './host-network.ts';
import type { PortListener } from './listening.ts';
import { openPortListener } from './port-listener.ts';
import { describePort, PortTable, portInUse, type Reservation } from './port-table.ts';
import type { PublishedPort } from './ruleset.ts';

interface HeldPort {
  readonly reservation: Reservation;
  listener: PortListener | undefined;
  /** The pod's, of both families; none: it does not lead anywhere yet. */
  podIps: readonly string[];
}

/** Where a port leads: as rules know it, an address of each family. */
function leading({ reservation, podIps }: HeldPort): PublishedPort[] {
  return podIps.map((podIp) => ({ ...reservation.mapping, podIp }));
}

/** The ports of all containers: reservations, and the socket that holds each port on the host. */
export class PublishedPorts {
  readonly #table = new PortTable();
  readonly #held = new Map<Reservation, HeldPort>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  /** What the rules should lead to pods now. */
  published(): PublishedPort[] {
    return [...this.#held.values()].flatMap(leading);
  }

  /** What the rules lead to the pod of this owner. */
  publishedBy(owner: string): PublishedPort[] {
    return this.#of(owner).flatMap(leading);
  }

  /** Owners whose ports lead to a pod; those that only hold reservations are being started. */
  publishedOwners(): Set<string> {
    const published = [...this.#held.values()].filter(({ podIps }) => podIps.length > 0);
    return new Set(published.map(({ reservation }) => reservation.owner));
  }

  #of(owner: string): HeldPort[] {
    return [...this.#held.values()].filter(({ reservation }) => reservation.owner === owner);
  }

  /** Takes all ports or none, with a listener for each. */
  async reserve(owner: string, ownerName: string, requests: readonly PortRequest[]): Promise<PortMapping[]> {
    const taken: HeldPort[] = [];
    try {
      // Numbered ports first and without a pause, so that no other caller and no picked port gets in between.
      const fixed = requests.map((request) => {
        if (request.hostPort === 0 || isRange(request)) return undefined;
        const present = this.#table.find(owner, request);
        if (present !== undefined) return present;
        const held = this.#hold({ owner, ownerName, mapping: { ...request } });
        taken.push(held);
        return held.reservation;
      });
      for (const held of [...taken]) held.listener = await openOrExplain(held.reservation.mapping);
      const reservations = new Set<Reservation>();
      for (const [index, request] of requests.entries()) {
        reservations.add(fixed[index] ?? (await this.#choose(owner, ownerName, request, taken)));
      }
      return [...reservations].map(({ mapping }) => mapping);
    } catch (error) {
      for (const held of taken) this.#drop(held);
      throw error;
    }
  }

  #choose(owner: string, ownerName: string, request: PortRequest, taken: HeldPort[]): Promise<Reservation> {
    return isRange(request)
      ? this.#firstFree(owner, ownerName, request, taken)
      : this.#pick(owner, ownerName, request, taken);
  }

  /** The lowest free port of a range; the error of the last one where none is. */
  async #firstFree(owner: string, ownerName: string, request: PortRequest, taken: HeldPort[]): Promise<Reservation> {
    const { hostPortEnd = 0, ...rest } = request;
    for (let hostPort = request.hostPort; ; hostPort++) {
      try {
        return await this.#holdAndListen({ owner, ownerName, mapping: { ...rest, hostPort } }, taken);
      } catch (error) {
        if (!(error instanceof K3cError) || error.reason !== 'port-in-use' || hostPort === hostPortEnd) throw error;
      }
    }
  }

  /** Asks the table before the kernel, so that the error names the container that has it. */
  async #holdAndListen(reservation: Reservation, taken: HeldPort[]): Promise<Reservation> {
    const held = this.#hold(reservation);
    try {
      held.listener = await openOrExplain(reservation.mapping);
    } catch (error) {
      this.#drop(held);
      throw error;
    }
    taken.push(held);
    return reservation;
  }

  /** Listens on the port that the kernel chooses. */
  async #pick(owner: string, ownerName: string, request: PortRequest, taken: HeldPort[]): Promise<Reservation> {
    const listener = await openOrExplain(request);
    try {
      const held = this.#hold({ owner, ownerName, mapping: { ...request, hostPort: listener.port } });
      held.listener = listener;
      taken.push(held);
      return held.reservation;
    } catch (error) {
      listener.close();
      throw error;
    }
  }

  #hold(reservation: Reservation): HeldPort {
    this.#table.take(reservation);
    const held: HeldPort = { reservation, listener: undefined, podIps: [] };
    this.#held.set(reservation, held);
    return held;
  }

  #drop(held: HeldPort): void {
    held.listener?.close();
    this.#held.delete(held.reservation);
    this.#table.free(held.reservation);
  }

  /**
   * Points ports at a pod. They must be reserved by the owner.
   * @param podIps one of each family that it has, first the one that listeners use
   */
  publish(owner: string, podIps: readonly string[], mappings: readonly PortMapping[]): void {
    const [host] = podIps;
    const held = mappings.map((mapping) => {
      const reservation = this.#table.find(owner, mapping);
      const port = reservation && this.#held.get(reservation);
      if (port === undefined)
        throw new K3cError(Code.FAILED_PRECONDITION, `port ${describePort(mapping)} is not reserved for ${owner}`);
      return port;
    });
    for (const port of held) {
      port.podIps = podIps;
      port.listener?.setTarget(host === undefined ? undefined : { host, port: port.reservation.mapping.containerPort });
    }
  }

  /** The owner has another name now. */
  renamed(owner: string, ownerName: string): void {
    for (const { reservation } of this.#of(owner)) reservation.ownerName = ownerName;
  }

  /** Frees the owner's ports. */
  release(owner: string): void {
    for (const held of this.#of(owner)) this.#drop(held);
  }

  /**
   * Takes up the ports of a container that runs already, and returns them without those that another container has. The
   * rules must stay, so a port that a process of the host has meanwhile taken only costs the listener (and with it IPv6).
   */
  async adopt(owner: string, ownerName: string, mappings: readonly PortMapping[]): Promise<PortMapping[]> {
    const adopted: PortMapping[] = [];
    for (const mapping of mappings) {
      try {
        if (this.#table.find(owner, mapping) === undefined) {
          const held = this.#hold({ owner, ownerName, mapping });
          adopted.push(mapping);
          held.listener = await openOrExplain(mapping);
        } else adopted.push(mapping);
      } catch (error) {
        this.#log.warn(
          { container: owner, port: describePort(mapping), err: error },
          'cannot take up a published port',
        );
      }
    }
    return adopted;
  }

  /** Closes all listeners; the rules are not its business. */
  close(): void {
    for (const held of [...this.#held.values()]) this.#drop(held);
  }
}

function isRange({ hostPort, hostPortEnd = 0 }: PortRequest): boolean {
  return hostPortEnd > hostPort;
}

/** Opens a listener; a port that a process of the host has is told in docker's words. */
async function openOrExplain(mapping: PortRequest): Promise<PortListener> {
  try {
    return await openPortListener(mapping);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EADDRINUSE') throw portInUse(mapping, 'a process of this host has it', error);
    if (code === 'EADDRNOTAVAIL') {
      throw new K3cError(
        Code.FAILED_PRECONDITION,
        `cannot publish on ${describePort(mapping)}: this host has no such address`,
        {
          hint: 'name an address that `ip address` shows, or none for all',
          cause: error,
        },
      );
    }
    throw new K3cError(
      Code.FAILED_PRECONDITION,
      `cannot publish on ${describePort(mapping)}: ${code ?? String(error)}`,
      { cause: error },
    );
  }
}
