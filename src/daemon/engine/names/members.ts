/** Who is on a network, as the names room sees it: the narrow interface through which networks and containers come in. */

/** One container on one network. */
export interface NetworkMember {
  /** The container's id. */
  readonly id: string;
  /** Its name, without a slash. */
  readonly name: string;
  /** Its addresses on this network, IPv4 and IPv6. */
  readonly addresses: readonly string[];
  /** --network-alias. They count as much as the name does. */
  readonly aliases: readonly string[];
  /** Counts only where no name, id or alias matches: a host name must not take the traffic of a container of that name. */
  readonly hostname: string;
  /** --dns: where this container's other questions go; empty: where the host's own go. */
  readonly servers: readonly string[];
  /** What single labels are tried with that nobody knows as they are; undefined: the host's own search list. */
  readonly search: readonly string[] | undefined;
}

/** A network whose gateway answers questions. */
export interface NamedNetwork {
  /** As docker calls it: container web is also known as web.NETWORK, and a reverse look-up says so. */
  readonly name: string;
  /** The address of the host on it, where containers ask. */
  readonly gateway: string;
  /** 10.91.0.0/16: only who has an address in it (the gateway included) is answered. */
  readonly subnet: string;
  /** Questions about the world outside are refused: --internal. */
  readonly internal?: boolean | undefined;
}
