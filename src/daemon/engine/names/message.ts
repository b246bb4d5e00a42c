/**
 * DNS messages as bytes (RFC 1035, 4). What is passed on is never taken apart and put together again: only the id, the case of
 * the name and the times to live change in place, so that every type and option of today and tomorrow goes through.
 */

export const HEADER_BYTES = 12;
/** What a client that says nothing of EDNS takes over UDP (RFC 1035, 2.3.4). */
export const PLAIN_UDP_BYTES = 512;

export const RecordType = { A: 1, SOA: 6, PTR: 12, AAAA: 28, OPT: 41, ANY: 255 } as const;
export const CLASS_IN = 1;

/** Response codes (RFC 1035, 4.1.1). */
export const ResponseCode = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;

const FLAG_RESPONSE = 0x8000;
const FLAG_AUTHORITATIVE = 0x0400;
const FLAG_TRUNCATED = 0x0200;
const FLAG_RECURSION_DESIRED = 0x0100;
const FLAG_RECURSION_AVAILABLE = 0x0080;
const FLAG_CHECKING_DISABLED = 0x0010;
const OPCODE = 0x7800;
const DNSSEC_OK = 0x8000;

/** What the OPT record of a message says (RFC 6891). */
export interface Edns {
  readonly udpBytes: number;
  readonly dnssecOk: boolean;
  /** Cookies, client subnets …: the answer is for this question alone. */
  readonly hasOptions: boolean;
}

/** A question that can be answered. */
export interface Query {
  readonly bytes: Buffer;
  readonly id: number;
  /** In lower case, without the last dot; undefined for one that no host name looks like. */
  readonly name: string | undefined;
  readonly type: number;
  readonly class: number;
  /** Where the question section ends. */
  readonly questionEnd: number;
  readonly edns: Edns | undefined;
  /** What the answer depends on, byte by byte; undefined where the answer is for this question alone. */
  readonly cacheKey: string | undefined;
}

export interface ResourceRecord {
  readonly type: number;
  /** Where its time to live stands; its data begin six bytes later. */
  readonly ttlOffset: number;
  readonly dataEnd: number;
}

/**
 * Reads a question. Undefined: no answer is due, since it is none (an answer must never be answered). A number: the response code
 * that it gets instead.
 */
export function readQuery(bytes: Buffer): Query | number | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const flags = bytes.readUInt16BE(2);
  if ((flags & FLAG_RESPONSE) !== 0) return undefined;
  if ((flags & OPCODE) !== 0) return ResponseCode.NOTIMP;
  if (bytes.readUInt16BE(4) !== 1) return ResponseCode.FORMERR;
  const nameEnd = skipQuestionName(bytes);
  if (nameEnd === undefined || nameEnd + 4 > bytes.length) return ResponseCode.FORMERR;
  const questionEnd = nameEnd + 4;
  const records = readRecords(bytes, questionEnd);
  if (records === undefined) return ResponseCode.FORMERR;
  const edns = readEdns(bytes, records);
  const checking = flags & FLAG_CHECKING_DISABLED;
  const question =
    bytes.toString('latin1', HEADER_BYTES, nameEnd).toLowerCase() + bytes.toString('latin1', nameEnd, questionEnd);
  return {
    bytes,
    id: bytes.readUInt16BE(0),
    name: readName(bytes, nameEnd),
    type: bytes.readUInt16BE(nameEnd),
    class: bytes.readUInt16BE(nameEnd + 2),
    questionEnd,
    edns,
    cacheKey: edns?.hasOptions
      ? undefined
      : `${question} ${checking} ${edns === undefined ? '' : edns.dnssecOk ? 'D' : 'E'}`,
  };
}

/** Where the name of the question ends; undefined where it runs out of the message, is too long or points elsewhere. */
function skipQuestionName(bytes: Buffer): number | undefined {
  for (let offset = HEADER_BYTES; offset < bytes.length && offset < HEADER_BYTES + 255; ) {
    const length = bytes[offset] ?? 0;
    offset += 1 + length;
    if (length === 0) return offset;
    if (length > 63) return undefined;
  }
  return undefined;
}

/** Undefined for the root and for names with bytes that would make two different names look the same as text. */
function readName(bytes: Buffer, nameEnd: number): string | undefined {
  if (nameEnd === HEADER_BYTES + 1) return undefined;
  const labels: string[] = [];
  for (let offset = HEADER_BYTES; offset < nameEnd - 1; ) {
    const length = bytes[offset] ?? 0;
    const label = bytes.toString('latin1', offset + 1, offset + 1 + length).toLowerCase();
    if (!/^[a-z0-9_-]+$/.test(label)) return undefined;
    labels.push(label);
    offset += 1 + length;
  }
  return labels.join('.');
}

/** All records after the question section; undefined for a message that does not hold what it says. */
export function readRecords(bytes: Buffer, questionEnd: number): readonly ResourceRecord[] | undefined {
  const count = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10);
  const records: ResourceRecord[] = [];
  let offset = questionEnd;
  for (let i = 0; i < count; i++) {
    const nameEnd = skipName(bytes, offset);
    if (nameEnd + 10 > bytes.length) return undefined;
    const dataEnd = nameEnd + 10 + bytes.readUInt16BE(nameEnd + 8);
    if (dataEnd > bytes.length) return undefined;
    records.push({ type: bytes.readUInt16BE(nameEnd), ttlOffset: nameEnd + 4, dataEnd });
    offset = dataEnd;
  }
  return records;
}

/** A pointer ends a name. Beyond the end of the message for one that has no end. */
function skipName(bytes: Buffer, start: number): number {
  let offset = start;
  while (offset < bytes.length) {
    const length = bytes[offset] ?? 0;
    if (length === 0) return offset + 1;
    if (length >= 0xc0) return offset + 2;
    offset += 1 + length;
  }
  return bytes.length;
}

/** An OPT record's class is the size, its time to live the flags. */
function readEdns(bytes: Buffer, records: readonly ResourceRecord[]): Edns | undefined {
  const opt = records.find(({ type }) => type === RecordType.OPT);
  if (opt === undefined) return undefined;
  return {
    udpBytes: Math.max(bytes.readUInt16BE(opt.ttlOffset - 2), PLAIN_UDP_BYTES),
    dnssecOk: (bytes.readUInt16BE(opt.ttlOffset + 2) & DNSSEC_OK) !== 0,
    hasOptions: opt.dataEnd > opt.ttlOffset + 6,
  };
}

/** An answer with nothing in it but the question. `bytes` may be a question that could not be read. */
export function emptyAnswer(
  bytes: Buffer,
  code: number,
  options: { readonly questionEnd?: number; readonly authoritative?: boolean } = {},
): Buffer {
  const { questionEnd = HEADER_BYTES, authoritative = false } = options;
  const answer = Buffer.alloc(questionEnd);
  bytes.copy(answer, 0, 0, questionEnd);
  const kept = bytes.readUInt16BE(2) & (OPCODE | FLAG_RECURSION_DESIRED | FLAG_CHECKING_DISABLED);
  const said = authoritative ? FLAG_AUTHORITATIVE : 0;
  answer.writeUInt16BE(FLAG_RESPONSE | FLAG_RECURSION_AVAILABLE | kept | said | code, 2);
  answer.writeUInt16BE(questionEnd > HEADER_BYTES ? 1 : 0, 4);
  answer.fill(0, 6, HEADER_BYTES);
  return answer;
}

export function responseCode(bytes: Buffer): number {
  return bytes.readUInt16BE(2) & 0xf;
}

export function isTruncated(bytes: Buffer): boolean {
  return (bytes.readUInt16BE(2) & FLAG_TRUNCATED) !== 0;
}

/** How an answer fits the question that was sent: not at all, but for the case of the name, or wholly. */
export function fits(answer: Buffer, sent: Buffer, questionEnd: number): 'no' | 'case' | 'yes' {
  if (answer.length < questionEnd || answer.readUInt16BE(0) !== sent.readUInt16BE(0)) return 'no';
  if ((answer.readUInt16BE(2) & FLAG_RESPONSE) === 0 || answer.readUInt16BE(4) !== 1) return 'no';
  if (answer.compare(sent, HEADER_BYTES, questionEnd, HEADER_BYTES, questionEnd) === 0) return 'yes';
  const lower = (bytes: Buffer) => bytes.toString('latin1', HEADER_BYTES, questionEnd).toLowerCase();
  return lower(answer) === lower(sent) ? 'case' : 'no';
}

/**
 * A copy with the first records of its answer section, as many as there is room for, and its OPT record, marked as cut short. Most clients
 * ask again over TCP; those that never do (musl before 1.2.4) have some addresses.
 */
export function cutShort(answer: Buffer, questionEnd: number, limit: number): Buffer {
  const records = readRecords(answer, questionEnd) ?? [];
  const at = records.findIndex(({ type }) => type === RecordType.OPT);
  const opt = at < 0 ? Buffer.alloc(0) : answer.subarray(records[at - 1]?.dataEnd ?? questionEnd, records[at]?.dataEnd);
  const fitting = records.slice(0, answer.readUInt16BE(6)).filter(({ dataEnd }) => dataEnd + opt.length <= limit);
  // Pointers lead back only (RFC 1035, 4.1.4): what is left needs nothing of what is cut off.
  const cut = Buffer.concat([answer.subarray(0, fitting.at(-1)?.dataEnd ?? questionEnd), opt]);
  cut.writeUInt16BE(cut.readUInt16BE(2) | FLAG_TRUNCATED, 2);
  for (const [index, count] of [fitting.length, 0, opt.length > 0 ? 1 : 0].entries())
    cut.writeUInt16BE(count, 6 + 2 * index);
  return cut;
}

/** The question with another id and the letters of its name in random case, which a forger must guess (draft-vixie-dnsext-dns0x20). */
export function disguise(query: Query, random: Buffer): Buffer {
  const bytes = Buffer.from(query.bytes);
  random.copy(bytes, 0, 0, 2);
  for (let offset = HEADER_BYTES; offset < query.questionEnd - 4; offset++) {
    // The lengths of labels are below 64, where letters begin.
    const byte = (bytes[offset] ?? 0) | 0x20;
    if ((bytes[offset] ?? 0) < 64 || byte < 0x61 || byte > 0x7a) continue;
    const bit = (random[2 + (offset >> 3)] ?? 0) & (1 << (offset & 7));
    bytes[offset] = bit === 0 ? byte : byte ^ 0x20;
  }
  return bytes;
}

/** Bytes of randomness that disguise() takes. */
export const DISGUISE_BYTES = 2 + 34;

/**
 * An answer of a server as the client of this question expects it: its own id and spelling, times to live that have gone on, and
 * no more bytes than it takes.
 */
export function addressTo(query: Query, answer: Buffer, ageSeconds: number, limit: number): Buffer {
  const own = answer.length > limit ? cutShort(answer, query.questionEnd, limit) : Buffer.from(answer);
  query.bytes.copy(own, 0, 0, 2);
  query.bytes.copy(own, HEADER_BYTES, HEADER_BYTES, query.questionEnd);
  own.writeUInt16BE(own.readUInt16BE(2) | FLAG_RECURSION_AVAILABLE, 2);
  if (ageSeconds === 0) return own;
  for (const { type, ttlOffset } of readRecords(own, query.questionEnd) ?? []) {
    if (type === RecordType.OPT) continue;
    own.writeUInt32BE(Math.max(0, own.readUInt32BE(ttlOffset) - ageSeconds), ttlOffset);
  }
  return own;
}
