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
  readonly ipv6: boolean;
  readonly ipRange: string;
  readonly ipRange6: string;
  /** Absent: one without addresses of its own. */
  readonly place: Pick<MemberNetwork, 'bridge' | 'cidr' | 'gateway' | 'ipv6'> | undefined;
  readonly members: readonly NetworkMember[];
}

export function networkDocument(facts: NetworkFacts): Record<string, unknown> {
  const { place } = facts;
  return {
    Name: facts.name,
    Id: facts.id,
    Created: new Date(Number(facts.createdAt / 1_000_000n)).toISOString(),
    Scope: 'local',
    Driver: facts.driver,
    EnableIPv4: true,
    EnableIPv6: facts.ipv6,
    IPAM: {
      Driver: 'default',
      Options: facts.driver === 'bridge' && facts.name !== 'bridge' ? {} : null,
      Config: [
        ...(place === undefined ? [] : [pool(place, facts.ipRange)]),
        ...(place?.ipv6 === undefined ? [] : [pool(place.ipv6, facts.ipRange6)]),
      ],
    },
    Internal: facts.internal,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(
      // By id, as docker has them: not by who came first, which a new daemon does not know.
      facts.members
        .toSorted((a, b) => (a.container < b.container ? -1 : 1))
        .map(({ container, name, mac, ip, ipv6 }) => [
          container,
          {
            Name: name,
            EndpointID: container,
            MacAddress: mac,
            IPv4Address: withPrefix(ip, place?.cidr),
            IPv6Address: withPrefix(ipv6, place?.ipv6?.cidr),
          },
        ]),
    ),
    Options: {
      ...(place === undefined ? {} : { 'com.docker.network.bridge.name': place.bridge }),
      ...facts.options,
    },
    Labels: facts.labels,
  };
}

function pool({ cidr, gateway }: Pick<MemberNetwork, 'cidr' | 'gateway'>, ipRange: string): Record<string, string> {
  return { Subnet: cidr, ...(ipRange === '' ? {} : { IPRange: ipRange }), Gateway: gateway };
}

/** ADDRESS/PREFIX, with the prefix of the network; empty where there is no address. */
function withPrefix(address: string, cidr = ''): string {
  return address === '' ? '' : `${address}/${cidr.split('/')[1] ?? ''}`;
}
