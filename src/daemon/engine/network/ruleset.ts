import { TransportProtocol } from '../../../host/netlink/conntrack.ts';
import { ipv4Bytes } from '../../../host/netlink/ipv4.ts';
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
const { WORD0, WORD1, WORD2 } = nft.Register;

/** The table of the daemon that owns this bridge. Several daemons have several bridges, and so several tables. */
export function tableOf(bridgeName: string): TableId {
  return { family: Family.IPV4, table: bridgeName === 'k3c0' ? 'k3c' : `k3c_${bridgeName}` };
}

/** The maps that lead host ports to pods: of one address, and of every address of the host. */
export function portMaps(table: TableId): { one: SetId; any: SetId } {
  return { one: { ...table, set: 'one' }, any: { ...table, set: 'any' } };
}

/** The elements of both maps for these ports. Ports on IPv6 addresses have none: the listeners serve them. */
export function portElements(ports: readonly PublishedPort[]): { one: MapElement[]; any: MapElement[] } {
  const elements: { one: MapElement[]; any: MapElement[] } = { one: [], any: [] };
  for (const { hostIp, hostPort, protocol, podIp, containerPort } of ports) {
    if (hostIp.includes(':')) continue;
    const port = [nft.registerField(Buffer.from([TransportProtocol[protocol]])), nft.portField(hostPort)];
    const value = Buffer.concat([ipv4Bytes(podIp), nft.portField(containerPort)]);
    if (hostIp === '' || hostIp === '0.0.0.0') elements.any.push({ key: Buffer.concat(port), value });
    else elements.one.push({ key: Buffer.concat([ipv4Bytes(hostIp), ...port]), value });
  }
  return elements;
}

interface ChainSpec {
  readonly name: string;
  readonly hook?: ChainHook;
  readonly rules: readonly (readonly nft.Expression[])[];
}

function chains({ bridges, loopback }: RulesetInput): ChainSpec[] {
  const toPods = nft.verdict(nft.Verdict.JUMP, 'dnat');
  return [
    {
      name: 'dnat',
      rules: [
        [
          nft.loadIpv4Field(nft.Ipv4Field.DESTINATION, WORD0),
          nft.loadTransportProtocol(WORD1),
          nft.loadDestinationPort(WORD2),
          nft.lookUp('one'),
          nft.destinationNat(),
        ],
        [nft.loadTransportProtocol(WORD0), nft.loadDestinationPort(WORD1), nft.lookUp('any'), nft.destinationNat()],
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
      rules: [
        ...(loopback
          ? []
          : [[...nft.ipv4FieldIn(nft.Ipv4Field.DESTINATION, loopbackNetwork), nft.verdict(nft.Verdict.RETURN)]]),
        [...nft.destinationIsLocal(), toPods],
      ],
    },
    {
      name: 'postrouting',
      hook: { kind: 'nat', hook: Hook.POSTROUTING, priority: 100 },
      rules: bridges.flatMap(masqueradeRules),
    },
    {
      name: 'raw',
      hook: { kind: 'filter', hook: Hook.PREROUTING, priority: -300 },
      rules: bridges.flatMap(loopbackGuard),
    },
    {
      name: 'forward',
      hook: { kind: 'filter', hook: Hook.FORWARD, priority: -150 },
      rules: bridges.flatMap(forwardRules),
    },
  ];
}

function masqueradeRules({ name, subnet, internal }: Bridge): nft.Expression[][] {
  // What is never forwarded needs no other address.
  if (internal === true) return [];
  const fromPods = nft.ipv4FieldIn(nft.Ipv4Field.SOURCE, subnet.network);
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
    [...nft.ipv4FieldIn(nft.Ipv4Field.SOURCE, loopbackNetwork), ...nft.outputInterface(name), nft.masquerade()],
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
export function ruleCount(input: RulesetInput): number {
  return chains(input).reduce((count, { rules }) => count + rules.length, 0);
}

/** The messages that replace the whole table, whether it exists or not, for one atomic batch. */
export function rulesetRequests(table: TableId, input: RulesetInput): Request[] {
  const maps = portMaps(table);
  const elements = portElements(input.ports);
  const specs = chains(input);
  const value = [DataType.IPV4, DataType.PORT];
  return [
    newTable(table), // so that the removal cannot fail
    deleteTable(table),
    newTable(table),
    newMap(maps.any, [DataType.PROTOCOL, DataType.PORT], value, 1),
    newMap(maps.one, [DataType.IPV4, DataType.PROTOCOL, DataType.PORT], value, 2),
    ...specs.map(({ name, hook }) => newChain({ ...table, chain: name }, hook)),
    ...specs.flatMap(({ name, rules }) => rules.map((rule) => newRule({ ...table, chain: name }, rule))),
    ...newElements(maps.any, elements.any),
    ...newElements(maps.one, elements.one),
  ];
}
