/** docker's document of a network (moby, api/types/network, Inspect). */
import type { MemberNetwork, NetworkMember } from '../network/members.ts';

export interface NetworkFacts {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly createdAt: bigint;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly internal: boolean;
  readonly ipRange: string;
  /** Absent: one without addresses of its own. */
  readonly place: Pick<MemberNetwork, 'bridge' | 'cidr' | 'gateway'> | undefined;
  readonly members: readonly NetworkMember[];
}

export function networkDocument(facts: NetworkFacts): Record<string, unknown> {
  const { place, ipRange } = facts;
  const prefix = place?.cidr.split('/')[1] ?? '';
  return {
    Name: facts.name,
    Id: facts.id,
    Created: new Date(Number(facts.createdAt / 1_000_000n)).toISOString(),
    Scope: 'local',
    Driver: facts.driver,
    EnableIPv4: true,
    EnableIPv6: false,
    IPAM: {
      Driver: 'default',
      Options: facts.driver === 'bridge' && facts.name !== 'bridge' ? {} : null,
      Config:
        place === undefined
          ? []
          : [{ Subnet: place.cidr, ...(ipRange === '' ? {} : { IPRange: ipRange }), Gateway: place.gateway }],
    },
    Internal: facts.internal,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(
      facts.members.map(({ container, name, mac, ip }) => [
        container,
        { Name: name, EndpointID: container, MacAddress: mac, IPv4Address: `${ip}/${prefix}`, IPv6Address: '' },
      ]),
    ),
    Options: {
      ...(place === undefined ? {} : { 'com.docker.network.bridge.name': place.bridge }),
      ...facts.options,
    },
    Labels: facts.labels,
  };
}
