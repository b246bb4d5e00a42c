/** What becomes of a question: an answer of our own, or of others. */
import type { Forwarder } from './forwarder.ts';
import { type LocalView, localAnswer } from './local-answer.ts';
import { addressTo, emptyAnswer, type Query, ResponseCode, readQuery } from './message.ts';
import type { HostResolvers } from './resolv-conf.ts';

/** One who asks. */
export interface Asker extends LocalView {
  /** --dns: who answers what we do not know; empty: the host's resolvers. */
  readonly servers: readonly string[];
  /** Nobody outside is asked: all of its networks are internal. */
  readonly internal: boolean;
}

export interface ResponderOptions {
  readonly forwarder: Forwarder;
  readonly hostResolvers: () => Promise<HostResolvers>;
  /** Whether we are the server at this address: a host may name one of our gateways as its resolver. */
  readonly isGateway: (address: string) => boolean;
}

/** An answer to every message that asks, at once where the daemon knows it. Never throws, never rejects. */
export function respond(
  options: ResponderOptions,
  asker: Asker,
  question: { readonly bytes: Buffer; readonly from: string; readonly limit: (query: Query) => number },
): Promise<Buffer | undefined> | Buffer | undefined {
  const query = readQuery(question.bytes);
  if (query === undefined) return undefined;
  if (typeof query === 'number') return emptyAnswer(question.bytes, query);
  const limit = question.limit(query);
  return localAnswer(query, asker, limit) ?? askOthers(options, asker, query, { from: question.from, limit });
}

async function askOthers(
  { forwarder, hostResolvers, isGateway }: ResponderOptions,
  { servers: own, internal }: Asker,
  query: Query,
  { from, limit }: { readonly from: string; readonly limit: number },
): Promise<Buffer> {
  const fail = (code: number) => emptyAnswer(query.bytes, code, { questionEnd: query.questionEnd });
  if (internal) return fail(ResponseCode.REFUSED);
  const servers = own.length > 0 ? own : (await hostResolvers()).servers;
  const others = servers.filter((address) => !isGateway(address));
  const answered = await forwarder.resolve(query, others, from);
  if (answered === undefined) return fail(ResponseCode.SERVFAIL);
  return addressTo(query, answered.answer, answered.ageSeconds, limit);
}
