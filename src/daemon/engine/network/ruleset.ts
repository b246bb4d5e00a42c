import { isIPv4, isIPv6 } from 'node:net';
import { addressBytes, type IpFamily } from '../../../host/netlink/address.ts';
import { TransportProtocol } from '../../../host/netlink/conntrack.ts';
import * as nft from '../../../host/netlink/nft-expressions.ts';
import {
  type ChainHook,
  DataType,
  deleteTable,
  Family,
  Hook,
  type MapElement,
  newChain,
  newElements,
  newMap,
  newRule,
  newTable,
  type SetId,
  type TableId,
} from '../../../host/netlink/nftables.ts';
import type { Request } from '../../../host/netlink/socket.ts';
import type { Bridge } from './bridge.ts';
import type { NamePassage } from './foreign-input.ts';
import type { PortMapping } from './host-network.ts';

/** A port that leads to a pod. */
export interface PublishedPort extends PortMapping {
  readonly podIp: string;
}

/** What the rules are made from. */
export interface RulesetInput {
  readonly bridges: readonly Bridge[];
  readonly ports: readonly PublishedPort[];
  /** Whether the bridges may take packets from 127.0.0.1 (route_localnet); without it the listeners serve that address. */
  readonly loopback: boolean;
  /** Where names are answered: what the input chains of others must let through. */
  readonly names?: readonly NamePassage[];
}

const loopbackNetwork = { address: 0x7f000000, prefix: 8 };
const ipv6Loopback = { address: 1n, prefix: 128 };
const { WORD0, WORD1, WORD2, WORD4, WORD5 } = nft.Register;

/** The families that we have tables of. */
export type RulesFamily = IpFamily;
/** A table of one of them: containers' addresses of IPv4 and of IPv6 are in tables of their own. */
export interface RulesTable extends TableId {
  readonly family: RulesFamily;
}

/** What differs between the two. */
const dialects = {
  [Family.IPV4]: {
    address: DataType.IPV4,
    all: '0.0.0.0',
    isAddress: isIPv4,
    destination: nft.Ipv4Field.DESTINATION,
    /** Where the protocol and the port of a key are, behind an address. */
    behind: [WORD1, WORD2],
    from: ({ subnet }: Bridge) => nft.ipv4FieldIn(nft.Ipv4Field.SOURCE, subnet.network),
  },
  [Family.IPV6]: {
    address: DataType.IPV6,
    all: '::',
    isAddress: isIPv6,
    destination: nft.Ipv6Field.DESTINATION,
    behind: [WORD4, WORD5],
    from: ({ ipv6 }: Bridge) => (ipv6 === undefined ? [] : nft.ipv6FieldIn(nft.Ipv6Field.SOURCE, ipv6.network)),
  },
} as const;

/** The tables of the daemon that owns this bridge. Several daemons have several bridges, and so several tables. */
export function tableOf(bridgeName: string, family: RulesFamily = Family.IPV4): RulesTable {
  return { family, table: bridgeName === 'k3c0' ? 'k3c' : `k3c_${bridgeName}` };
}

/** The families that there is something to say of: IPv6 while a network has addresses of it. */
export function familiesOf({ bridges }: Pick<RulesetInput, 'bridges'>): readonly RulesFamily[] {
  return bridges.some(({ ipv6 }) => ipv6 !== undefined) ? [Family.IPV4, Family.IPV6] : [Family.IPV4];
}

/** The maps that lead host ports to pods: of one address, and of every address of the host. */
export function portMaps(table: RulesTable): { one: SetId; any: SetId } {
  return { one: { ...table, set: 'one' }, any: { ...table, set: 'any' } };
}

/** The elements of both maps for these ports, as far as they lead to addresses of the family from addresses of the family. */
export function portElements(
  ports: readonly PublishedPort[],
  family: RulesFamily = Family.IPV4,
): { one: MapElement[]; any: MapElement[] } {
  const { all, isAddress } = dialects[family];
  const elements: { one: MapElement[]; any: MapElement[] } = { one: [], any: [] };
  for (const { hostIp, hostPort, protocol, podIp, containerPort } of ports) {
    if (!isAddress(podIp) || (hostIp !== '' && !isAddress(hostIp))) continue;
    const port = [nft.registerField(Buffer.from([TransportProtocol[protocol]])), nft.portField(hostPort)];
    const value = Buffer.concat([addressBytes(podIp), nft.portField(containerPort)]);
    if (hostIp === '' || hostIp === all) elements.any.push({ key: Buffer.concat(port), value });
    else elements.one.push({ key: Buffer.concat([addressBytes(hostIp), ...port]), value });
  }
  return elements;
}

interface ChainSpec {
  readonly name: string;
  readonly hook?: ChainHook;
  readonly rules: readonly (readonly nft.Expression[])[];
}

function chains(family: RulesFamily, input: RulesetInput): ChainSpec[] {
  const toPods = nft.verdict(nft.Verdict.JUMP, 'dnat');
  const { destination, behind, from } = dialects[family];
  const [protocol, port] = behind;
  const four = family === Family.IPV4;
  const bridges = four ? input.bridges : input.bridges.filter(({ ipv6 }) => ipv6 !== undefined);
  return [
    {
      name: 'dnat',
      rules: [
        [
          nft.loadAddress(destination, WORD0, family),
          nft.loadTransportProtocol(protocol),
          nft.loadDestinationPort(port),
          nft.lookUp('one'),
          nft.destinationNat(family),
        ],
        [
          nft.loadTransportProtocol(WORD0),
          nft.loadDestinationPort(WORD1),
          nft.lookUp('any'),
          nft.destinationNat(family),
        ],
      ],
    },
    {
      name: 'prerouting',
      hook: { kind: 'nat', hook: Hook.PREROUTING, priority: -100 },
      rules: [[...nft.destinationIsLocal(), toPods]],
    },
    {
      name: 'output',
      hook: { kind: 'nat', hook: Hook.OUTPUT, priority: -100 },
      rules: [...ownLoopback(family, input), [...nft.destinationIsLocal(), toPods]],
    },
    {
      name: 'postrouting',
      hook: { kind: 'nat', hook: Hook.POSTROUTING, priority: 100 },
      rules: bridges.flatMap((bridge) => masqueradeRules(bridge, from(bridge), four)),
    },
    // The kernel itself takes nothing for ::1 from outside.
    ...(four
      ? [
          {
            name: 'raw',
            hook: { kind: 'filter', hook: Hook.PREROUTING, priority: -300 } as const,
            rules: bridges.flatMap(loopbackGuard),
          },
        ]
      : []),
    {
      name: 'forward',
      hook: { kind: 'filter', hook: Hook.FORWARD, priority: -150 },
      rules: input.bridges.flatMap((bridge) =>
        // A host that forwards IPv6 does so for every interface: those without addresses of it must not send by made-up ones.
        four || bridge.ipv6 !== undefined ? forwardRules(bridge) : internalRules(bridge.name),
      ),
    },
  ];
}

/** What the host says to its own loopback address, where that may not lead to pods: the listeners serve it. ::1 never may. */
function ownLoopback(family: RulesFamily, { loopback }: RulesetInput): nft.Expression[][] {
  const back = nft.verdict(nft.Verdict.RETURN);
  if (family === Family.IPV6) return [[...nft.ipv6FieldIn(nft.Ipv6Field.DESTINATION, ipv6Loopback), back]];
  return loopback ? [] : [[...nft.ipv4FieldIn(nft.Ipv4Field.DESTINATION, loopbackNetwork), back]];
}

function masqueradeRules(
  { name, internal }: Bridge,
  fromPods: readonly nft.Expression[],
  four: boolean,
): nft.Expression[][] {
  // What is never forwarded needs no other address.
  if (internal === true) return [];
  return [
    // Containers reach the world with the host's address. What the host says to its own gateway address comes from there, too.
    [
      ...fromPods,
      ...nft.outputInterface(name, { not: true }),
      ...nft.outputInterface('lo', { not: true }),
      nft.masquerade(),
    ],
    // Container to container through a published port: the answer must come back through the host, which undoes the NAT.
    [
      ...fromPods,
      ...nft.outputInterface(name),
      ...nft.connectionStatus(nft.ConnectionStatus.DESTINATION_NAT),
      nft.masquerade(),
    ],
    // From 127.0.0.1 of the host: no container could answer to that address.
    ...(four
      ? [[...nft.ipv4FieldIn(nft.Ipv4Field.SOURCE, loopbackNetwork), ...nft.outputInterface(name), nft.masquerade()]]
      : []),
  ];
}

/** route_localnet on the bridge would let containers reach what listens on 127.0.0.1 of the host, or pose as it. */
function loopbackGuard({ name }: Bridge): nft.Expression[][] {
  return [nft.Ipv4Field.DESTINATION, nft.Ipv4Field.SOURCE].map((field) => [
    ...nft.inputInterface(name),
    ...nft.ipv4FieldIn(field, loopbackNetwork),
    nft.verdict(nft.Verdict.DROP),
  ]);
}

function forwardRules({ name, internal }: Bridge): nft.Expression[][] {
  if (internal === true) return internalRules(name);
  return [
    // The bridge's MTU is the default route's; other routes may be narrower, and firewalls eat the ICMP that would say so.
    [...nft.inputInterface(name), ...nft.clampSegmentSize()],
    [...nft.outputInterface(name), ...nft.clampSegmentSize()],
    // Only published ports are open: a neighbour that routes to the bridge's network through this host gets nothing else.
    [
      ...nft.outputInterface(name),
      ...nft.inputInterface(name, { not: true }),
      ...nft.connectionState(nft.ConnectionState.ESTABLISHED | nft.ConnectionState.RELATED, { none: true }),
      ...nft.connectionStatus(nft.ConnectionStatus.DESTINATION_NAT, { none: true }),
      nft.verdict(nft.Verdict.DROP),
    ],
  ];
}

/** Its containers reach one another, which passes here where bridges call the packet rules, and this host. */
function internalRules(name: string): nft.Expression[][] {
  const drop = nft.verdict(nft.Verdict.DROP);
  return [
    [...nft.inputInterface(name), ...nft.outputInterface(name, { not: true }), drop],
    [...nft.outputInterface(name), ...nft.inputInterface(name, { not: true }), drop],
  ];
}

/** How many rules rulesetRequests() makes, to see later whether all are there. */
export function ruleCount({ family }: Pick<RulesTable, 'family'>, input: RulesetInput): number {
  return chains(family, input).reduce((count, { rules }) => count + rules.length, 0);
}

/** The messages that replace the whole table, whether it exists or not, for one atomic batch. */
export function rulesetRequests(table: RulesTable, input: RulesetInput): Request[] {
  const maps = portMaps(table);
  const elements = portElements(input.ports, table.family);
  const specs = chains(table.family, input);
  const { address } = dialects[table.family];
  const value = [address, DataType.PORT];
  return [
    newTable(table), // so that the removal cannot fail
    deleteTable(table),
    newTable(table),
    newMap(maps.any, [DataType.PROTOCOL, DataType.PORT], value, 1),
    newMap(maps.one, [address, DataType.PROTOCOL, DataType.PORT], value, 2),
    ...specs.map(({ name, hook }) => newChain({ ...table, chain: name }, hook)),
    ...specs.flatMap(({ name, rules }) => rules.map((rule) => newRule({ ...table, chain: name }, rule))),
    ...newElements(maps.any, elements.any),
    ...newElements(maps.one, elements.one),
  ];
}
