import type { LogFile } from './log-files.ts';
import { parseHead } from './log-record.ts';
import type { StreamName } from './types.ts';

const BLOCK = 64 * 1024;
const NEWLINE = 0x0a;

/** A place in a list of log files. */
export interface LogPosition {
  readonly file: number;
  readonly offset: number;
}

/** What belongs to the last lines: all from a place on, but for the first records of a stream. */
export interface TailStart {
  readonly from: LogPosition;
  readonly skip: Readonly<Record<StreamName, number>>;
}

/**
 * Finds the last lines by reading backwards from the end. Only whole lines count: a line's earlier pieces belong to it,
 * wherever records of the other stream lie between them, and a line without an end counts as one.
 *
 * @param files oldest first, looked at up to the size they were opened with
 * @param wants the streams whose lines count
 */
export async function findTail(
  files: readonly LogFile[],
  lines: number,
  wants: { readonly stdout: boolean; readonly stderr: boolean },
): Promise<TailStart> {
  let from: LogPosition = { file: files.length - 1, offset: files.at(-1)?.size ?? 0 };
  let skip = { stdout: 0, stderr: 0 };
  if (lines <= 0) return { from, skip };
  let count = 0;
  /** Records that do not belong, since the end: those after `from` are to be skipped. */
  const outside = { stdout: 0, stderr: 0 };
  /** Streams whose line that was met last is taken and may have more pieces before. */
  const open = new Set<StreamName>();
  const seen = new Set<StreamName>();
  for await (const { position, stream, partial } of recordsBackwards(files)) {
    if (!wants[stream]) continue;
    // A record that ends a line, or the last of its stream, is the end of another line.
    if (!partial || !seen.has(stream)) {
      seen.add(stream);
      open.delete(stream);
      if (count < lines) {
        count++;
        open.add(stream);
      }
    }
    if (open.has(stream)) {
      from = position;
      skip = { ...outside };
    } else if (open.size === 0 && count >= lines) break;
    else outside[stream]++;
  }
  return { from, skip };
}

interface FoundRecord {
  readonly position: LogPosition;
  readonly stream: StreamName;
  readonly partial: boolean;
}

async function* recordsBackwards(files: readonly LogFile[]): AsyncGenerator<FoundRecord> {
  for (let index = files.length - 1; index >= 0; index--) {
    const file = files[index];
    if (file === undefined) continue;
    /** What of a later block belongs to a line that starts in an earlier one. */
    let rest = Buffer.alloc(0);
    for (let end = file.size; end > 0; ) {
      const from = Math.max(0, end - BLOCK);
      const block = Buffer.alloc(end - from);
      await file.handle.read(block, 0, block.length, from);
      const bytes = rest.length === 0 ? block : Buffer.concat([block, rest]);
      // The newline of the line before is the first thing that the first whole line of a block follows.
      const whole = from === 0 ? 0 : bytes.indexOf(NEWLINE) + 1;
      for (let last = bytes.lastIndexOf(NEWLINE); last >= whole && last >= 0; ) {
        const before = last === 0 ? -1 : bytes.lastIndexOf(NEWLINE, last - 1);
        const record = before + 1 >= whole ? parseHead(bytes, before + 1, last) : undefined;
        if (record !== undefined) yield { position: { file: index, offset: from + before + 1 }, ...record };
        last = before;
      }
      rest = whole === 0 && from > 0 ? bytes : bytes.subarray(0, whole);
      end = from;
    }
  }
}
