/** What becomes of a question: an answer of our own, or of others. */
import type { Forwarder } from './forwarder.ts';
import { type LocalNetwork, localAnswer } from './local-answer.ts';
import { addressTo, emptyAnswer, HEADER_BYTES, type Query, ResponseCode, readQuery } from './message.ts';
import type { HostResolvers } from './resolv-conf.ts';

export interface ResponderOptions extends LocalNetwork {
  readonly forwarder: Forwarder;
  readonly hostResolvers: () => Promise<HostResolvers>;
  /** Nobody outside is asked. */
  readonly internal: boolean;
  /** Our own addresses: a host that names one of them as its resolver would have us ask ourselves. */
  readonly isOurs: (address: string) => boolean;
}

/** An answer to every message that asks, at once where the daemon knows it. Never throws, never rejects. */
export function respond(
  options: ResponderOptions,
  bytes: Buffer,
  from: string,
  limitOf: (query: Query) => number,
): Promise<Buffer | undefined> | Buffer | undefined {
  const query = readQuery(bytes);
  if (query === undefined) return undefined;
  if (typeof query === 'number') return emptyAnswer(bytes, query, { questionEnd: HEADER_BYTES });
  const limit = limitOf(query);
  return localAnswer(query, options, limit) ?? askOthers(options, query, from, limit);
}

async function askOthers(options: ResponderOptions, query: Query, from: string, limit: number): Promise<Buffer> {
  const fail = (code: number) => emptyAnswer(query.bytes, code, { questionEnd: query.questionEnd });
  if (options.internal) return fail(ResponseCode.REFUSED);
  const own = options.table.at(from)?.servers ?? [];
  const servers = own.length > 0 ? own : (await options.hostResolvers()).servers;
  const others = servers.filter((address) => !options.isOurs(address));
  const answered = await options.forwarder.resolve(query, others, from);
  if (answered === undefined) return fail(ResponseCode.SERVFAIL);
  return addressTo(query, answered.answer, answered.ageSeconds, limit);
}
