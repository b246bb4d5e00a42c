/** Log files of one test file, each test with its own, and what is written to and read from them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'node:test';
import { LogWriter } from '../../src/daemon/engine/streams/log-writer.ts';
import { readLog } from '../../src/daemon/engine/streams/read-log.ts';
import type { LogLimits, LogRecord, ReadLogOptions, StreamName } from '../../src/daemon/engine/streams/types.ts';
import { silentLog } from '../../src/host/log.ts';

export const UNLIMITED: LogLimits = { maxBytes: 0, maxFiles: 1 };

/** Call it once a test file, outside of its tests. */
export function logLab() {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'k3c-log-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));
  const path = () => join(directory, 'a.log');
  const writer = (limits = UNLIMITED) => new LogWriter(path(), limits, silentLog);
  return {
    /** Of this test. */
    get directory() {
      return directory;
    },
    get path() {
      return path();
    },
    writer,
    async write(pieces: readonly [StreamName, string][], limits = UNLIMITED): Promise<void> {
      const log = writer(limits);
      for (const [stream, text] of pieces) log.write(stream, Buffer.from(text, 'latin1'));
      await log.close();
    },
    read: (options: Partial<ReadLogOptions> = {}) =>
      collect(readLog(path(), { stdout: true, stderr: true, ...options })),
  };
}

/** The bytes of records, by stream and all in their order. */
export async function collect(
  records: AsyncIterable<LogRecord>,
): Promise<{ stdout: string; stderr: string; all: string }> {
  const data: Record<StreamName | 'all', Buffer[]> = { stdout: [], stderr: [], all: [] };
  for await (const record of records) {
    data[record.stream].push(record.data);
    data.all.push(record.data);
  }
  const text = (buffers: readonly Buffer[]) => Buffer.concat(buffers).toString('latin1');
  return { stdout: text(data.stdout), stderr: text(data.stderr), all: text(data.all) };
}
