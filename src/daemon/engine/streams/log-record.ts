/**
 * CRI's log format, one record a line: `<RFC3339Nano> <stdout|stderr> <F|P> <bytes>\n`
 * (kubernetes, cri-api and design-proposals "CRI: log management"). F ends a line of the process, P is a piece of one.
 */
import { parseRfc3339 } from '../../../host/rfc3339.ts';
import type { LogRecord, StreamName } from './types.ts';

/** The content of a record at most: what CRI's own logger and docker take. A longer line goes into several. */
export const MAX_CONTENT = 16 * 1024;

const NEWLINE = 0x0a;
const SPACE = 0x20;
const PARTIAL = 0x50;
const O = 0x6f;

/** The longest head: the time with nine digits, the stream, the tag and three spaces. */
export const MAX_HEAD = 30 + 1 + 6 + 1 + 1 + 1;

/** The part of a record before its content. */
export function head(time: string, stream: StreamName, tag: 'F' | 'P'): string {
  return `${time} ${stream} ${tag} `;
}

/** The parts of a record's line that decide whether it is wanted. */
export interface RecordHead {
  readonly stream: StreamName;
  readonly partial: boolean;
  /** Where the content starts. */
  readonly content: number;
}

/**
 * Reads a record's stream and tag.
 *
 * @param start where its line starts
 * @param end where its newline is
 * @returns undefined for what is no record, e.g. one that was torn by a crash
 */
export function parseHead(bytes: Buffer, start: number, end: number): RecordHead | undefined {
  const stream = bytes.indexOf(SPACE, start) + 1;
  const tag = stream + 7;
  // Both stream names have six letters: "stdout X " and "stderr X ".
  if (stream === 0 || tag + 2 > end || bytes[tag - 1] !== SPACE || bytes[tag + 1] !== SPACE) return undefined;
  return { stream: bytes[stream + 3] === O ? 'stdout' : 'stderr', partial: bytes[tag] === PARTIAL, content: tag + 2 };
}

/** Reads records; keeps the last time, as most have the time of the one before. */
export class RecordParser {
  #time = 0n;
  #timeText = Buffer.alloc(0);

  /**
   * Appends the complete records of `bytes` to `into`. Their data are views of `bytes`.
   *
   * @returns where the first incomplete line starts
   */
  parse(bytes: Buffer, into: LogRecord[]): number {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const record = this.#record(bytes, start, end);
      if (record !== undefined) into.push(record);
      start = end + 1;
    }
    return start;
  }

  #record(bytes: Buffer, start: number, end: number): LogRecord | undefined {
    const found = parseHead(bytes, start, end);
    if (found === undefined) return undefined;
    const time = this.#parseTime(bytes, start, found.content - 10);
    const { stream, partial, content } = found;
    return { time, stream, partial, data: bytes.subarray(content, partial ? end : end + 1) };
  }

  #parseTime(bytes: Buffer, start: number, end: number): bigint {
    const text = this.#timeText;
    if (text.length === end - start && bytes.compare(text, 0, text.length, start, end) === 0) return this.#time;
    // A torn time: the one before is the nearest.
    this.#time = parseRfc3339(bytes.toString('latin1', start, end)) ?? this.#time;
    this.#timeText = Buffer.from(bytes.subarray(start, end));
    return this.#time;
  }
}
