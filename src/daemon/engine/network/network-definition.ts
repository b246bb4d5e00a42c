/** A network that a user made, as it is recorded. */
export interface NetworkDefinition {
  readonly id: string;
  readonly name: string;
  /** The interface on the host. */
  readonly bridge: string;
  /** ADDRESS/PREFIX. */
  readonly subnet: string;
  readonly gateway: string;
  /** ADDRESS/PREFIX; empty: all of the subnet. */
  readonly ipRange: string;
  readonly internal: boolean;
  /** 0: that of the default route. */
  readonly mtu: number;
  /** Absent: IPv4 alone. */
  readonly ipv6?: Pick<NetworkDefinition, 'subnet' | 'gateway' | 'ipRange'> | undefined;
}
