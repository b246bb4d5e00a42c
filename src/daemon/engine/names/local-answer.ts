/** Answers from what the daemon knows itself: who is on the network of the one who asks. */
import { isIPv4, isIPv6 } from 'node:net';
import { encode, type StringAnswer } from 'dns-packet';
import { addressesOf, type MemberTable } from './member-table.ts';
import { CLASS_IN, cutShort, emptyAnswer, HEADER_BYTES, type Query, RecordType, ResponseCode } from './message.ts';
import { reversedAddress } from './reverse.ts';

/** Records change the moment a container starts or goes: nobody may keep them. */
const TTL_S = 0;
/** Of an answer over UDP that no path cuts into fragments (DNS flag day 2020). */
const UDP_BYTES = 1232;

/** What one who asks may know. */
export interface LocalView {
  /** Of the networks that the asker is on, the one by which the question came first. */
  readonly tables: readonly MemberTable[];
  /** Whether an address belongs to one of our networks: what nobody has there is known to nobody else either. */
  readonly isOurs: (address: string) => boolean;
}

/** The answer to a question about a member, or about our own addresses; undefined for all that others know. */
export function localAnswer(query: Query, { tables, isOurs }: LocalView, limit: number): Buffer | undefined {
  if (query.class !== CLASS_IN || query.name === undefined) return undefined;
  const address = reversedAddress(query.name);
  if (address !== undefined) {
    for (const table of tables) {
      const member = table.at(address);
      if (member !== undefined) return compose(query, limit, pointer(query, table.fullName(member)));
    }
    return isOurs(address) ? negative(query, ResponseCode.NXDOMAIN) : undefined;
  }
  for (const table of tables) {
    const members = table.named(query.name);
    if (members !== undefined) return compose(query, limit, addressRecords(query, [...members].flatMap(addressesOf)));
  }
  return undefined;
}

/** One that no server outside is asked for either. */
function negative(query: Query, code: number): Buffer {
  return emptyAnswer(query.bytes, code, { questionEnd: query.questionEnd, authoritative: true });
}

function wants(query: Query, type: number): boolean {
  return query.type === type || query.type === RecordType.ANY;
}

function pointer(query: Query, data: string): StringAnswer[] {
  return wants(query, RecordType.PTR) ? [{ type: 'PTR', name: query.name ?? '', ttl: TTL_S, data }] : [];
}

/** Begins elsewhere each time, so that those who take the first one spread over all. */
function addressRecords(query: Query, addresses: readonly string[]): StringAnswer[] {
  const matching = addresses.flatMap((data): StringAnswer[] => {
    const name = query.name ?? '';
    if (isIPv4(data) && wants(query, RecordType.A)) return [{ type: 'A', name, ttl: TTL_S, data }];
    if (isIPv6(data) && wants(query, RecordType.AAAA)) return [{ type: 'AAAA', name, ttl: TTL_S, data }];
    return [];
  });
  if (matching.length < 2) return matching;
  const first = query.id % matching.length;
  return [...matching.slice(first), ...matching.slice(0, first)];
}

/** Without a record of the type asked for it says that the name is there (NOERROR) and has none. */
function compose(query: Query, limit: number, answers: StringAnswer[]): Buffer {
  const { bytes, questionEnd, edns } = query;
  const own = emptyAnswer(bytes, ResponseCode.NOERROR, { questionEnd, authoritative: true });
  if (answers.length === 0 && edns === undefined) return own;
  const body = encode({
    type: 'response',
    answers,
    additionals:
      edns === undefined
        ? []
        : [
            {
              type: 'OPT',
              name: '.',
              udpPayloadSize: UDP_BYTES,
              extendedRcode: 0,
              ednsVersion: 0,
              flags: 0,
              flag_do: false,
              options: [],
            },
          ],
  });
  // The question as it came, spelling and all, and behind it what the library wrote.
  const answer = Buffer.concat([own, body.subarray(HEADER_BYTES)]);
  body.copy(answer, 6, 6, HEADER_BYTES);
  return answer.length > limit ? cutShort(answer, questionEnd, limit) : answer;
}
