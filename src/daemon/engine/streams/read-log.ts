import { Code, K3cError } from '../../../api/errors.ts';
import { FileChanges } from './file-changes.ts';
import { closeLogFiles, inodeOf, type LogFile, openLogFiles } from './log-files.ts';
import { RecordParser } from './log-record.ts';
import { findTail, type TailStart } from './log-tail.ts';
import type { LogRecord, ReadLogOptions } from './types.ts';

const BLOCK = 256 * 1024;

/** The records of a log, one by one. See `readLogBatches`. */
export async function* readLog(path: string, options: ReadLogOptions): AsyncGenerator<LogRecord> {
  for await (const batch of readLogBatches(path, options)) yield* batch;
}

/**
 * The records of a log in the order of their writing, over all its files, many at a time. Without `follow` it ends with
 * what is there; with it, when `ended` is aborted and all was read, or when `until` has passed. A log that does not
 * exist is empty.
 *
 * @throws K3cError CANCELLED when `signal` is aborted
 */
export async function* readLogBatches(path: string, options: ReadLogOptions): AsyncGenerator<LogRecord[]> {
  const files = await openLogFiles(path);
  try {
    const tail = options.tail === undefined ? undefined : await findTail(files, options.tail, options);
    const filter = new Filter(options, tail);
    let reader: FileReader | undefined;
    for (const [index, file] of files.entries()) {
      const offset = tail === undefined || index > tail.from.file ? 0 : tail.from.offset;
      if (tail !== undefined && index < tail.from.file) continue;
      reader = new FileReader(file, offset);
      // Nothing in a file is younger than the file.
      if (tail === undefined && !options.follow && isOlder(file, options.since)) continue;
      yield* wanted(reader, filter, file.size);
      if (filter.passed) return;
    }
    if (options.follow) yield* follow(path, reader, filter, options);
  } finally {
    await closeLogFiles(files);
  }
}

/** Reads open files up to the size they were opened with: the log as it was at that time. Closes them. */
export async function* readSnapshot(
  files: Promise<readonly LogFile[]>,
  options: ReadLogOptions,
): AsyncGenerator<LogRecord[]> {
  const opened = await files;
  try {
    const filter = new Filter(options, undefined);
    for (const file of opened) yield* wanted(new FileReader(file, 0), filter, file.size);
  } finally {
    await closeLogFiles(opened);
  }
}

/**
 * The kernel stamps a file with the time of its last tick, some milliseconds ago, and our own clock may be 20 ms beside the
 * system's.
 */
const STAMP_SLACK_MS = 1000;

function isOlder(file: LogFile, since: bigint | undefined): boolean {
  return since !== undefined && BigInt(Math.ceil(file.modifiedMs) + STAMP_SLACK_MS) * 1_000_000n < since;
}

/** Reads whole records of one file from a place on. */
class FileReader {
  readonly file: LogFile;
  readonly #parser = new RecordParser();
  #offset: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(file: LogFile, offset: number) {
    this.file = file;
    this.#offset = offset;
  }

  /** The next records; undefined at the end of the file, or of `limit`. */
  async next(limit: number): Promise<LogRecord[] | undefined> {
    for (;;) {
      const size = Math.min(BLOCK, limit - this.#offset);
      if (size <= 0) return undefined;
      const block = Buffer.allocUnsafe(this.#rest.length + size);
      block.set(this.#rest);
      const { bytesRead } = await this.file.handle.read(block, this.#rest.length, size, this.#offset);
      if (bytesRead === 0) return undefined;
      this.#offset += bytesRead;
      const bytes = block.subarray(0, this.#rest.length + bytesRead);
      const records: LogRecord[] = [];
      this.#rest = bytes.subarray(this.#parser.parse(bytes, records));
      if (records.length > 0) return records;
    }
  }
}

/** Which records are wanted. */
class Filter {
  readonly #options: ReadLogOptions;
  readonly #skip: { stdout: number; stderr: number };
  /** A record after `until` was met. */
  passed = false;

  constructor(options: ReadLogOptions, tail: TailStart | undefined) {
    this.#options = options;
    this.#skip = { stdout: 0, stderr: 0, ...tail?.skip };
  }

  /** @throws K3cError CANCELLED when the reading was cancelled */
  apply(records: readonly LogRecord[]): LogRecord[] {
    if (this.#options.signal?.aborted) throw canceled();
    return records.filter((record) => this.#takes(record));
  }

  #takes(record: LogRecord): boolean {
    const { since, until } = this.#options;
    if (this.passed || !this.#options[record.stream]) return false;
    if (this.#skip[record.stream] > 0) {
      this.#skip[record.stream]--;
      return false;
    }
    if (until !== undefined && record.time > until) {
      this.passed = true;
      return false;
    }
    return since === undefined || record.time >= since;
  }
}

async function* wanted(reader: FileReader, filter: Filter, limit: number): AsyncGenerator<LogRecord[]> {
  while (!filter.passed) {
    const records = await reader.next(limit);
    if (records === undefined) return;
    const batch = filter.apply(records);
    if (batch.length > 0) yield batch;
  }
}

/** Goes on where `reader` stands, from file to file, as the log grows. */
async function* follow(
  path: string,
  reader: FileReader | undefined,
  filter: Filter,
  options: ReadLogOptions,
): AsyncGenerator<LogRecord[]> {
  const everything = Number.POSITIVE_INFINITY;
  const opened: LogFile[] = [];
  const changes = new FileChanges(path);
  try {
    for (let current = reader; ; ) {
      const last = options.ended?.aborted === true || hasPassed(options.until);
      if (current !== undefined) yield* wanted(current, filter, everything);
      const { files, gap } = await newerFiles(path, current?.file);
      opened.push(...files);
      if (gap) options.onSkipped?.();
      // Now that there is a newer file, nothing is added to this one.
      if (files.length > 0 && current !== undefined) yield* wanted(current, filter, everything);
      for (const file of files) {
        await close(opened, current?.file);
        current = new FileReader(file, 0);
        yield* wanted(current, filter, everything);
      }
      if (filter.passed || (last && files.length === 0)) return;
      if (files.length > 0) changes.restart();
      else await changes.next(options.signal, options.ended);
      if (options.signal?.aborted) throw canceled();
    }
  } finally {
    changes.close();
    await closeLogFiles(opened);
  }
}

async function close(opened: LogFile[], file: LogFile | undefined): Promise<void> {
  const index = file === undefined ? -1 : opened.indexOf(file);
  if (index >= 0) await closeLogFiles(opened.splice(index, 1));
}

/** The files that came after this one, oldest first, opened. `gap`: this one is gone, so others may be, too. */
async function newerFiles(path: string, current: LogFile | undefined): Promise<{ files: LogFile[]; gap: boolean }> {
  const inode = await inodeOf(path);
  if (inode === undefined || inode === current?.inode) return { files: [], gap: false };
  const files = await openLogFiles(path);
  const index = files.findIndex((file) => file.inode === current?.inode);
  await closeLogFiles(files.splice(0, index + 1));
  return { files, gap: current !== undefined && index < 0 };
}

function hasPassed(until: bigint | undefined): boolean {
  return until !== undefined && BigInt(Date.now()) * 1_000_000n > until;
}

function canceled(): K3cError {
  return new K3cError(Code.CANCELLED, 'canceled');
}
