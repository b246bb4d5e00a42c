/** Questions that others answer: the host's resolvers, or those that a container asked for. */
import { randomBytes } from 'node:crypto';
import { type Log, silentLog } from '../../../host/log.ts';
import { AnswerCache, type CachedAnswer } from './answer-cache.ts';
import { askServer } from './ask-server.ts';
import { askServers } from './ask-servers.ts';
import { DISGUISE_BYTES, disguise, type Query } from './message.ts';

/** Less than the five seconds after which the C libraries ask again. */
const PATIENCE_MS = 4500;
/** What one server gets before the next one is asked, too. */
const TURN_MS = 1500;
/** So long after it did not answer, a server is asked last. */
const SHUN_MS = 30_000;
const CACHE_BYTES = 4 * 1024 * 1024;
/** Questions on their way, each with a socket. */
const IN_FLIGHT = 512;
/** Of one client: a container that floods must leave room for the others. */
const IN_FLIGHT_OF_ONE = 128;

export interface ForwarderOptions {
  readonly log?: Log;
  /** Port of all servers; for tests. */
  readonly port?: number;
  readonly turnMs?: number;
  readonly patienceMs?: number;
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #cache = new AnswerCache(CACHE_BYTES);
  readonly #flights = new Map<string, Promise<Buffer>>();
  readonly #shunned = new Map<string, number>();
  readonly #ofClient = new Map<string, number>();
  readonly #closing = new AbortController();
  #inFlight = 0;

  constructor(options: ForwarderOptions = {}) {
    this.#options = options;
  }

  /**
   * The answer of the first server that has one, or one of before that still counts. Undefined where nobody answers in time, or
   * too many questions are on their way. A failure that a server tells of (SERVFAIL, REFUSED) is handed on when no other knows
   * better.
   * @param client whose share of the questions on their way it takes
   */
  async resolve(query: Query, servers: readonly string[], client: string): Promise<CachedAnswer | undefined> {
    const key = query.cacheKey === undefined ? undefined : `${servers.join()} ${query.cacheKey}`;
    const cached = key === undefined ? undefined : this.#cache.get(key, performance.now());
    if (cached !== undefined) return cached;
    const flight = (key === undefined ? undefined : this.#flights.get(key)) ?? this.#begin(query, servers, client, key);
    if (flight === undefined) return undefined;
    try {
      return { answer: await flight, ageSeconds: 0 };
    } catch (error) {
      // What sockets say of a server that cannot be asked; the client hears of it as SERVFAIL.
      (this.#options.log ?? silentLog).debug({ err: error, servers, name: query.name }, 'no server answers a question');
      return undefined;
    }
  }

  /** Gives up all questions on their way. */
  close(): void {
    this.#closing.abort(new Error('the daemon stops'));
    this.#cache.clear();
  }

  #begin(
    query: Query,
    servers: readonly string[],
    client: string,
    key: string | undefined,
  ): Promise<Buffer> | undefined {
    const own = this.#ofClient.get(client) ?? 0;
    if (this.#inFlight >= IN_FLIGHT || own >= IN_FLIGHT_OF_ONE || servers.length === 0) return undefined;
    this.#inFlight++;
    this.#ofClient.set(client, own + 1);
    const flight = this.#ask(query, servers)
      .then((answer) => {
        if (key !== undefined) this.#cache.put(key, answer, query.questionEnd, performance.now());
        return answer;
      })
      .finally(() => {
        this.#inFlight--;
        const left = (this.#ofClient.get(client) ?? 1) - 1;
        if (left === 0) this.#ofClient.delete(client);
        else this.#ofClient.set(client, left);
        if (key !== undefined) this.#flights.delete(key);
      });
    if (key !== undefined) this.#flights.set(key, flight);
    return flight;
  }

  async #ask(query: Query, servers: readonly string[]): Promise<Buffer> {
    const { turnMs = TURN_MS, patienceMs = PATIENCE_MS, port } = this.#options;
    const { questionEnd } = query;
    return await askServers({
      rounds: [this.#inOrder(servers), servers],
      ask: (address, signal) =>
        askServer({
          server: port === undefined ? { address } : { address, port },
          message: disguise(query, randomBytes(DISGUISE_BYTES)),
          questionEnd,
          signal,
        }),
      turnMs,
      patienceMs,
      signal: this.#closing.signal,
      onHeard: (address, answered) => {
        if (answered) this.#shunned.delete(address);
        else this.#shunned.set(address, performance.now() + SHUN_MS);
      },
    });
  }

  /** Those that were silent lately come last. */
  #inOrder(servers: readonly string[]): readonly string[] {
    const now = performance.now();
    const shunned = (address: string) => (this.#shunned.get(address) ?? 0) > now;
    return [...servers.filter((address) => !shunned(address)), ...servers.filter(shunned)];
  }
}
