import { attribute, be16, be32, cString, Flag, nested } from './codec.ts';
import type { Expression } from './nft-expressions.ts';
import type { NetlinkSocket, Request } from './socket.ts';

/**
 * The objects of nf_tables over nfnetlink: messages that make and remove them, and atomic batches.
 * Numbers and attributes from linux/netfilter/nf_tables.h and linux/netfilter/nfnetlink.h.
 */

const subsystemNftables = 10;
/** Message types of nf_tables, without the subsystem. */
export const NftType = {
  NEW_TABLE: 0,
  GET_TABLE: 1,
  DELETE_TABLE: 2,
  NEW_CHAIN: 3,
  GET_CHAIN: 4,
  NEW_RULE: 6,
  GET_RULE: 7,
  DELETE_RULE: 8,
  NEW_SET: 9,
  NEW_ELEMENT: 12,
  GET_ELEMENT: 13,
  DELETE_ELEMENT: 14,
  GET_GENERATION: 16,
} as const;
const batchBegin = 0x10;
const batchEnd = 0x11;
const setIsMap = 0x8;
/** The kind of user data in a rule that nft and iptables-nft show as its comment. */
export const commentTag = 0;
/** An attribute's length is 16 bits; this many elements of the largest kind that k3c uses stay well below. */
const elementsPerMessage = 512;

/** Address families of tables. INET sees both IPv4 and IPv6. */
export const Family = { INET: 1, IPV4: 2, IPV6: 10 } as const;
export type Family = (typeof Family)[keyof typeof Family];

/** Where a base chain sits in the path of packets. */
export const Hook = { PREROUTING: 0, INPUT: 1, FORWARD: 2, OUTPUT: 3, POSTROUTING: 4 } as const;
export type Hook = (typeof Hook)[keyof typeof Hook];

/** Data types of map keys and values (nft's own numbering, by which it prints them). */
export const DataType = {
  IPV4: { id: 7, length: 4 },
  IPV6: { id: 8, length: 16 },
  PROTOCOL: { id: 12, length: 4 },
  PORT: { id: 13, length: 4 },
} as const;
export interface FieldType {
  readonly id: number;
  /** Bytes in a key, padded to registers. */
  readonly length: number;
}

export interface TableId {
  readonly family: Family;
  readonly table: string;
}
export interface ChainId extends TableId {
  readonly chain: string;
}
export interface SetId extends TableId {
  readonly set: string;
}
/** A base chain's place; `kind` nat or filter; the lower priority runs first. */
export interface ChainHook {
  readonly kind: 'filter' | 'nat';
  readonly hook: Hook;
  readonly priority: number;
}
export interface MapElement {
  readonly key: Buffer;
  /** Left out when the element is to be removed. */
  readonly value?: Buffer;
}
/** A rule that exists. `comment` as `nft` shows it. */
export interface Rule extends ChainId {
  readonly handle: Buffer;
  readonly comment: string;
}

/** struct nfgenmsg (family, version, resource id) and the attributes. */
function body(family: number, attributes: readonly Buffer[], resource = 0): Buffer {
  return Buffer.concat([Buffer.from([family, 0]), be16(resource), ...attributes]);
}

/** A message of nf_tables. */
export function nftRequest(
  operation: string,
  type: number,
  flags: number,
  family: number,
  ...attributes: readonly Buffer[]
): Request {
  return { operation, type: (subsystemNftables << 8) | type, flags, payload: body(family, attributes) };
}

/** Makes a table; one that exists stays. */
export function newTable({ family, table }: TableId): Request {
  return nftRequest(`add table ${table}`, NftType.NEW_TABLE, Flag.CREATE, family, attribute(1, cString(table)));
}

/** Removes a table with all that is in it; ENOENT when there is none. */
export function deleteTable({ family, table }: TableId): Request {
  return nftRequest(`delete table ${table}`, NftType.DELETE_TABLE, 0, family, attribute(1, cString(table)));
}

/** Removes every table of the network namespace, as `nft flush ruleset` does. */
export function deleteAllTables(): Request {
  return nftRequest('flush ruleset', NftType.DELETE_TABLE, 0, 0);
}

/** Makes a chain, with a hook a base chain (policy accept unless `drops`). */
export function newChain({ family, table, chain }: ChainId, hook?: ChainHook, drops = false): Request {
  const base = hook && [
    nested(4, attribute(1, be32(hook.hook)), attribute(2, be32(hook.priority))),
    attribute(5, be32(drops ? 0 : 1)),
    attribute(7, cString(hook.kind)),
  ];
  return nftRequest(
    `add chain ${table} ${chain}`,
    NftType.NEW_CHAIN,
    Flag.CREATE,
    family,
    attribute(1, cString(table)),
    attribute(3, cString(chain)),
    ...(base ?? []),
  );
}

/** Adds a rule at the end of a chain, or at its head. The comment is what `nft` and iptables-nft show. */
export function newRule(
  { family, table, chain }: ChainId,
  expressions: readonly Expression[],
  options: { atHead?: boolean; comment?: string } = {},
): Request {
  const flags = Flag.CREATE | (options.atHead ? 0 : Flag.APPEND);
  const attributes = [attribute(1, cString(table)), attribute(2, cString(chain)), nested(4, ...expressions)];
  if (options.comment !== undefined) {
    const text = cString(options.comment);
    attributes.push(attribute(7, Buffer.concat([Buffer.from([commentTag, text.length]), text])));
  }
  return nftRequest(`add rule ${table} ${chain}`, NftType.NEW_RULE, flags, family, ...attributes);
}

/** Removes a rule that listRules() found. */
export function deleteRule({ family, table, chain, handle }: Rule): Request {
  return nftRequest(
    `delete rule ${table} ${chain}`,
    NftType.DELETE_RULE,
    0,
    family,
    attribute(1, cString(table)),
    attribute(2, cString(chain)),
    attribute(3, handle),
  );
}

/** nft numbers concatenated types with six bits for each field. */
function concatenatedType(fields: readonly FieldType[]): number {
  return fields.reduce((type, field) => (type << 6) | field.id, 0);
}

function totalLength(fields: readonly FieldType[]): number {
  return fields.reduce((length, field) => length + field.length, 0);
}

/** Makes a map. `id` tells the maps of one batch apart. */
export function newMap(
  { family, table, set }: SetId,
  key: readonly FieldType[],
  value: readonly FieldType[],
  id: number,
): Request {
  return nftRequest(
    `add map ${table} ${set}`,
    NftType.NEW_SET,
    Flag.CREATE,
    family,
    attribute(1, cString(table)),
    attribute(2, cString(set)),
    attribute(3, be32(setIsMap)),
    attribute(4, be32(concatenatedType(key))),
    attribute(5, be32(totalLength(key))),
    attribute(6, be32(concatenatedType(value))),
    attribute(7, be32(totalLength(value))),
    attribute(10, be32(id)),
  );
}

function elementRequests(
  operation: string,
  type: number,
  flags: number,
  id: SetId,
  elements: readonly MapElement[],
): Request[] {
  const requests: Request[] = [];
  for (let start = 0; start < elements.length; start += elementsPerMessage) {
    const list = elements.slice(start, start + elementsPerMessage).map(({ key, value }) => {
      const data = value === undefined ? [] : [nested(2, attribute(1, value))];
      return nested(1, nested(1, attribute(1, key)), ...data);
    });
    requests.push(
      nftRequest(
        `${operation} ${id.table} ${id.set}`,
        type,
        flags,
        id.family,
        attribute(1, cString(id.table)),
        attribute(2, cString(id.set)),
        nested(3, ...list),
      ),
    );
  }
  return requests;
}

/** Adds elements to a map; EEXIST when one of the keys is there. */
export function newElements(id: SetId, elements: readonly MapElement[]): Request[] {
  return elementRequests('add elements to', NftType.NEW_ELEMENT, Flag.CREATE | Flag.EXCLUSIVE, id, elements);
}

/** Removes elements from a map by key; ENOENT when one is not there. */
export function deleteElements(id: SetId, elements: readonly MapElement[]): Request[] {
  const keys = elements.map(({ key }) => ({ key }));
  return elementRequests('delete elements of', NftType.DELETE_ELEMENT, 0, id, keys);
}

/** Applies all messages or none of them. Throws NetlinkError with every message that was refused. */
export function applyBatch(socket: NetlinkSocket, requests: readonly Request[]): void {
  const frame = (operation: string, type: number): Request => ({
    operation,
    type,
    flags: 0,
    payload: body(0, [], subsystemNftables),
    acknowledged: false,
  });
  socket.exchange(frame('begin batch', batchBegin), ...requests, frame('end batch', batchEnd));
}
