import { addressLength, IpFamily } from './address.ts';
import { attribute, be16, be32, be64, cString, host32, nested } from './codec.ts';
import { formatIpv4, type Ipv4Network, ipv4Bytes, ipv4Mask } from './ipv4.ts';
import { formatIpv6, type Ipv6Network, ipv6Bytes, ipv6MaskBytes } from './ipv6.ts';

/**
 * Builders for the expressions of nf_tables rules. A rule is a small program over registers: load a value, compare or
 * look it up, act. Numbers from linux/netfilter/nf_tables.h; the order of expressions is what `nft --debug=netlink` prints.
 */

declare const expression: unique symbol;
/** One encoded expression of a rule. */
export type Expression = Buffer & { readonly [expression]: true };

/** Registers: four of 16 bytes, or the same memory as sixteen of 4 bytes. VERDICT takes what ends a rule. */
export const Register = { VERDICT: 0, R1: 1, WORD0: 8, WORD1: 9, WORD2: 10, WORD4: 12, WORD5: 13 } as const;
export type Register = (typeof Register)[keyof typeof Register];

/** Verdicts; JUMP needs the name of a chain. */
export const Verdict = { DROP: 0, ACCEPT: 1, JUMP: -3, RETURN: -5 } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

const Meta = { INPUT_NAME: 6, OUTPUT_NAME: 7, TRANSPORT_PROTOCOL: 16 } as const;
const PayloadBase = { NETWORK: 1, TRANSPORT: 2 } as const;
const Comparison = { EQUAL: 0, NOT_EQUAL: 1 } as const;
const CtKey = { STATE: 0, STATUS: 2 } as const;
const tcp = 6;
const tcpSyn = 0x02;
const tcpOptionMss = 2;
const interfaceNameLength = 16;

/** Offsets in the IPv4 header. */
export const Ipv4Field = { SOURCE: 12, DESTINATION: 16 } as const;
/** Offsets in the IPv6 header. */
export const Ipv6Field = { SOURCE: 8, DESTINATION: 24 } as const;
/** Bits of a connection's status (linux/netfilter/nf_conntrack_common.h). */
export const ConnectionStatus = { DESTINATION_NAT: 0x20 } as const;
/** Bits of a packet's relation to its connection, as nf_tables numbers them. */
export const ConnectionState = { ESTABLISHED: 0x02, RELATED: 0x04 } as const;

function expr(name: string, ...attributes: readonly Buffer[]): Expression {
  // NFTA_LIST_ELEM { NFTA_EXPR_NAME, NFTA_EXPR_DATA }
  return nested(1, attribute(1, cString(name)), nested(2, ...attributes)) as Expression;
}

function dataValue(type: number, value: Uint8Array): Buffer {
  return nested(type, attribute(1, value)); // NFTA_DATA_VALUE
}

/** Loads the number of the transport protocol (6 TCP, 17 UDP). */
export function loadTransportProtocol(to: Register): Expression {
  return loadMeta(Meta.TRANSPORT_PROTOCOL, to);
}

function loadMeta(key: number, to: Register): Expression {
  return expr('meta', attribute(2, be32(key)), attribute(1, be32(to)));
}

/** Loads the destination port of TCP or UDP. */
export function loadDestinationPort(to: Register): Expression {
  return loadPayload(PayloadBase.TRANSPORT, 2, 2, to);
}

/** Loads an address of the header: a field of Ipv4Field or of Ipv6Field, by the family. */
export function loadAddress(field: number, to: Register, family: IpFamily = IpFamily.IPV4): Expression {
  return loadPayload(PayloadBase.NETWORK, field, addressLength(family), to);
}

function loadPayload(base: number, offset: number, length: number, to: Register): Expression {
  return expr(
    'payload',
    attribute(1, be32(to)),
    attribute(2, be32(base)),
    attribute(3, be32(offset)),
    attribute(4, be32(length)),
  );
}

function compare(register: Register, comparison: number, value: Uint8Array): Expression {
  return expr('cmp', attribute(1, be32(register)), attribute(2, be32(comparison)), dataValue(3, value));
}

/** register = register & mask. */
function mask(register: Register, bits: Uint8Array): Expression {
  return expr(
    'bitwise',
    attribute(1, be32(register)),
    attribute(2, be32(register)),
    attribute(3, be32(bits.length)),
    dataValue(4, bits),
    dataValue(5, Buffer.alloc(bits.length)),
  );
}

/** Matches packets that came in through the interface (or through any other). */
export function inputInterface(name: string, options: { not?: boolean } = {}): Expression[] {
  return interfaceName(Meta.INPUT_NAME, name, options.not ?? false);
}

/** Matches packets that go out through the interface (or through any other). */
export function outputInterface(name: string, options: { not?: boolean } = {}): Expression[] {
  return interfaceName(Meta.OUTPUT_NAME, name, options.not ?? false);
}

function interfaceName(key: number, name: string, not: boolean): Expression[] {
  const bytes = Buffer.alloc(interfaceNameLength);
  bytes.write(name);
  return [loadMeta(key, Register.R1), compare(Register.R1, not ? Comparison.NOT_EQUAL : Comparison.EQUAL, bytes)];
}

/** Matches packets of a transport protocol (6 TCP, 17 UDP) to a port. */
export function destinationPortIs(protocol: number, port: number): Expression[] {
  return [
    loadTransportProtocol(Register.R1),
    compare(Register.R1, Comparison.EQUAL, Buffer.from([protocol])),
    loadDestinationPort(Register.R1),
    compare(Register.R1, Comparison.EQUAL, be16(port)),
  ];
}

/** Matches packets whose address lies in the network. */
export function ipv4FieldIn(field: number, network: Ipv4Network): Expression[] {
  return [
    loadAddress(field, Register.R1),
    mask(Register.R1, be32(ipv4Mask(network.prefix))),
    compare(Register.R1, Comparison.EQUAL, ipv4Bytes(formatIpv4(network.address))),
  ];
}

/** The same of the IPv6 header. */
export function ipv6FieldIn(field: number, network: Ipv6Network): Expression[] {
  return [
    loadAddress(field, Register.R1, IpFamily.IPV6),
    mask(Register.R1, ipv6MaskBytes(network.prefix)),
    compare(Register.R1, Comparison.EQUAL, ipv6Bytes(formatIpv6(network.address))),
  ];
}

/** Matches packets whose destination is an address of this host (fib daddr type local). */
export function destinationIsLocal(): Expression[] {
  const resultAddressType = 3;
  const flagDestination = 2;
  const routeLocal = 2;
  return [
    expr(
      'fib',
      attribute(1, be32(Register.R1)),
      attribute(2, be32(resultAddressType)),
      attribute(3, be32(flagDestination)),
    ),
    compare(Register.R1, Comparison.EQUAL, host32(routeLocal)),
  ];
}

/** Matches packets of connections that have any of these ConnectionStatus bits (or none of them). */
export function connectionStatus(bits: number, options: { none?: boolean } = {}): Expression[] {
  return connectionBits(CtKey.STATUS, bits, options.none ?? false);
}

/** Matches packets that are in any of these ConnectionState states (or in none of them). */
export function connectionState(bits: number, options: { none?: boolean } = {}): Expression[] {
  return connectionBits(CtKey.STATE, bits, options.none ?? false);
}

function connectionBits(key: number, bits: number, none: boolean): Expression[] {
  return [
    expr('ct', attribute(1, be32(Register.R1)), attribute(2, be32(key))),
    mask(Register.R1, host32(bits)),
    compare(Register.R1, none ? Comparison.EQUAL : Comparison.NOT_EQUAL, Buffer.alloc(4)),
  ];
}

/** Looks the registers from R1 on up in a map and puts what it holds there into R1 on. No entry ends the rule. */
export function lookUp(map: string): Expression {
  return expr('lookup', attribute(1, cString(map)), attribute(2, be32(Register.R1)), attribute(3, be32(Register.R1)));
}

/** Rewrites the destination to the address from WORD0 on (R1's first word) and the port behind it: in WORD1, of IPv6 in WORD4. */
export function destinationNat(family: IpFamily = IpFamily.IPV4): Expression {
  const protocolSpecified = 2;
  return expr(
    'nat',
    attribute(1, be32(1)), // NFT_NAT_DNAT
    attribute(2, be32(family)),
    attribute(3, be32(Register.R1)),
    attribute(5, be32(family === IpFamily.IPV6 ? Register.WORD4 : Register.WORD1)),
    attribute(7, be32(protocolSpecified)),
  );
}

/** Rewrites the source to the address of the outgoing interface. */
export function masquerade(): Expression {
  return expr('masq');
}

/** Ends the rule with a verdict. */
export function verdict(code: Verdict, chain?: string): Expression {
  const target = chain === undefined ? [] : [attribute(2, cString(chain))];
  return expr(
    'immediate',
    attribute(1, be32(Register.VERDICT)),
    nested(2, nested(2, attribute(1, be32(code)), ...target)),
  );
}

/** Counts packets and bytes. iptables-nft expects one in every rule of the chains that it lists. */
export function counter(): Expression {
  return expr('counter', attribute(1, be64(0n)), attribute(2, be64(0n)));
}

/** Lowers the maximum segment size that a TCP SYN announces to what the route's MTU allows; never raises it. */
export function clampSegmentSize(): Expression[] {
  const routeTcpMss = 3;
  const hostToNetwork = 1;
  const exthdrTcpOption = 1;
  return [
    loadTransportProtocol(Register.R1),
    compare(Register.R1, Comparison.EQUAL, Buffer.from([tcp])),
    loadPayload(PayloadBase.TRANSPORT, 13, 1, Register.R1),
    mask(Register.R1, Buffer.from([tcpSyn])),
    compare(Register.R1, Comparison.NOT_EQUAL, Buffer.from([0])),
    expr('rt', attribute(1, be32(Register.R1)), attribute(2, be32(routeTcpMss))),
    expr(
      'byteorder',
      attribute(1, be32(Register.R1)),
      attribute(2, be32(Register.R1)),
      attribute(3, be32(hostToNetwork)),
      attribute(4, be32(2)),
      attribute(5, be32(2)),
    ),
    // The attribute FLAGS must be absent here: the kernel answers EINVAL to it when a TCP option is written.
    expr(
      'exthdr',
      attribute(7, be32(Register.R1)),
      attribute(2, Buffer.from([tcpOptionMss])),
      attribute(3, be32(2)),
      attribute(4, be32(2)),
      attribute(6, be32(exthdrTcpOption)),
    ),
  ];
}

/** Pads one field of a concatenated map key or value to the register size. */
export function registerField(value: Uint8Array): Buffer {
  const bytes = Buffer.alloc((value.length + 3) & ~3);
  bytes.set(value);
  return bytes;
}

/** A port as a field of a map key or value. */
export function portField(port: number): Buffer {
  return registerField(be16(port));
}
