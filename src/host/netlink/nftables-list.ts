import { attribute, attributeMap, cString, parseAttributes, parseCString } from './codec.ts';
import { isNetlinkError } from './error.ts';
import {
  type ChainId,
  commentTag,
  type Family,
  NftType,
  nftRequest,
  type Rule,
  type SetId,
  type TableId,
} from './nftables.ts';
import type { NetlinkSocket } from './socket.ts';

/** What nf_tables holds: generation, tables, chains, rules, elements. */

/** Length of struct nfgenmsg in front of the attributes. */
const headerLength = 4;

/** A chain that exists. `base` only for base chains. */
export interface Chain extends ChainId {
  readonly base: { readonly hook: number; readonly priority: number; readonly drops: boolean } | undefined;
}
/** A number that grows with every change of the namespace's ruleset, whoever made it. */
export function rulesetGeneration(socket: NetlinkSocket): number {
  const [reply] = socket.exchange(nftRequest('get generation', NftType.GET_GENERATION, 0, 0));
  return reply === undefined ? 0 : (attributeMap(reply.payload.subarray(headerLength)).get(1)?.readUInt32BE(0) ?? 0);
}

/** Whether a table exists. */
export function tableExists(socket: NetlinkSocket, { family, table }: TableId): boolean {
  try {
    socket.exchange(nftRequest(`get table ${table}`, NftType.GET_TABLE, 0, family, attribute(1, cString(table))));
    return true;
  } catch (error) {
    if (isNetlinkError(error, 'ENOENT')) return false;
    throw error;
  }
}

/** All chains of a family. */
export function listChains(socket: NetlinkSocket, family: Family): Chain[] {
  const message = nftRequest('list chains', NftType.GET_CHAIN, 0, family);
  return socket.dump(message.operation, message.type, message.payload).map(({ payload }) => {
    const attributes = attributeMap(payload.subarray(headerLength));
    const hook = attributes.get(4);
    const place = hook && attributeMap(hook);
    return {
      family,
      table: parseCString(attributes.get(1) ?? Buffer.alloc(0)),
      chain: parseCString(attributes.get(3) ?? Buffer.alloc(0)),
      base: place && {
        hook: place.get(1)?.readUInt32BE(0) ?? 0,
        priority: place.get(2)?.readInt32BE(0) ?? 0,
        drops: attributes.get(5)?.readUInt32BE(0) === 0,
      },
    };
  });
}

function parseComment(userData: Buffer): string {
  for (let offset = 0; offset + 2 <= userData.length; ) {
    const length = userData.readUInt8(offset + 1);
    const value = userData.subarray(offset + 2, offset + 2 + length);
    if (userData.readUInt8(offset) === commentTag) return parseCString(value);
    offset += 2 + length;
  }
  return '';
}

/** The rules of a table, or of one chain, in order. A table that does not exist has none. */
export function listRules(socket: NetlinkSocket, { family, table }: TableId, chain?: string): Rule[] {
  const names = [attribute(1, cString(table)), ...(chain === undefined ? [] : [attribute(2, cString(chain))])];
  const message = nftRequest(`list rules of ${table}`, NftType.GET_RULE, 0, family, ...names);
  return socket.dump(message.operation, message.type, message.payload).map(({ payload }) => {
    const attributes = attributeMap(payload.subarray(headerLength));
    return {
      family,
      table,
      chain: parseCString(attributes.get(2) ?? Buffer.alloc(0)),
      handle: attributes.get(3) ?? Buffer.alloc(8),
      comment: parseComment(attributes.get(7) ?? Buffer.alloc(0)),
    };
  });
}

/** How many elements a map holds. ENOENT when it does not exist. */
export function countElements(socket: NetlinkSocket, { family, table, set }: SetId): number {
  const message = nftRequest(
    `list elements of ${table} ${set}`,
    NftType.GET_ELEMENT,
    0,
    family,
    attribute(1, cString(table)),
    attribute(2, cString(set)),
  );
  return socket.dump(message.operation, message.type, message.payload).reduce((count, { payload }) => {
    const list = attributeMap(payload.subarray(headerLength)).get(3);
    return count + (list === undefined ? 0 : [...parseAttributes(list)].length);
  }, 0);
}
