/** Answers of servers, kept for as long as they say, and no more of them than fit. */
import { HEADER_BYTES, isTruncated, RecordType, ResponseCode, readRecords, responseCode } from './message.ts';

/** An hour: a host that moves is found again without a restart of the daemon. */
const MAX_TTL_S = 3600;
/** For "there is no such name" (RFC 2308, 5, advises one to three hours; people wait for names to appear). */
const MAX_NEGATIVE_TTL_S = 300;
/** What an entry costs besides its bytes. */
const OVERHEAD_BYTES = 300;

interface Entry {
  readonly answer: Buffer;
  /** Milliseconds of the caller's clock. */
  readonly storedAt: number;
  readonly expiresAt: number;
}

export interface CachedAnswer {
  readonly answer: Buffer;
  readonly ageSeconds: number;
}

export class AnswerCache {
  readonly #limit: number;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  /** @param limit bytes in all */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @param now milliseconds of a clock that never goes back */
  get(key: string, now: number): CachedAnswer | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#drop(key, entry);
    if (now >= entry.expiresAt) return undefined;
    this.#keep(key, entry); // at the end: the map's order is that of use
    return { answer: entry.answer, ageSeconds: Math.floor((now - entry.storedAt) / 1000) };
  }

  /** Keeps an answer where it may be kept; the longest unused ones make room. */
  put(key: string, answer: Buffer, questionEnd: number, now: number): void {
    const seconds = lifetime(answer, questionEnd);
    if (seconds <= 0 || costOf(key, answer) > this.#limit / 8) return;
    const before = this.#entries.get(key);
    if (before !== undefined) this.#drop(key, before);
    this.#keep(key, { answer, storedAt: now, expiresAt: now + seconds * 1000 });
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#limit) break;
      this.#drop(oldest, entry);
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  #keep(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#bytes += costOf(key, entry.answer);
  }

  #drop(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= costOf(key, entry.answer);
  }
}

function costOf(key: string, answer: Buffer): number {
  return key.length + answer.length + OVERHEAD_BYTES;
}

/** Seconds for which an answer may be kept; 0: not at all. Of a negative one the zone's SOA record decides (RFC 2308, 5). */
export function lifetime(answer: Buffer, questionEnd: number): number {
  if (answer.length < HEADER_BYTES || isTruncated(answer)) return 0;
  const code = responseCode(answer);
  if (code !== ResponseCode.NOERROR && code !== ResponseCode.NXDOMAIN) return 0;
  const records = readRecords(answer, questionEnd);
  if (records === undefined) return 0;
  const timed = records.filter(({ type }) => type !== RecordType.OPT);
  // RFC 2181, 8: a time to live with its highest bit set is none.
  const ttls = timed.map(({ ttlOffset }) => answer.readInt32BE(ttlOffset));
  const shortest = Math.min(...ttls);
  if (code === ResponseCode.NOERROR && answer.readUInt16BE(6) > 0) return Math.min(shortest, MAX_TTL_S);
  const soa = timed.find(({ type }) => type === RecordType.SOA);
  if (soa === undefined || soa.dataEnd < soa.ttlOffset + 6 + 4) return 0;
  return Math.min(shortest, answer.readInt32BE(soa.dataEnd - 4), MAX_NEGATIVE_TTL_S);
}
