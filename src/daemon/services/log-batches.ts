/** The records of a log as messages: what lies together in one stream goes as one run of bytes. */
import type { LogBatch, LogRun } from '../../api/gen/k3c.ts';
import type { LogRecord } from '../engine/streams/types.ts';

/** @param timestamps whether the caller needs to know where records begin, and when they were written */
export function toLogBatch(records: readonly LogRecord[], timestamps: boolean): LogBatch {
  const runs: LogRun[] = [];
  for (let start = 0; start < records.length; ) {
    const stream = records[start]?.stream;
    let end = start + 1;
    while (records[end]?.stream === stream) end++;
    const run = records.slice(start, end);
    runs.push({
      stderr: stream === 'stderr',
      data: Buffer.concat(run.map(({ data }) => data)),
      sizes: timestamps ? run.map(({ data }) => data.length) : [],
      times: timestamps ? run.map(({ time }) => time) : [],
    });
    start = end;
  }
  return { runs, skipped: false, details: '' };
}
