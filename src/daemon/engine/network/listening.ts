/** What the listener of a published port is, whatever its protocol. */

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
