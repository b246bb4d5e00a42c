/** `k3c logs` */

import type { LogBatch } from '../../api/gen/k3c.ts';
import type { CommandDefinition } from '../command.ts';
import { CliError } from '../errors.ts';
import { flag, value } from '../flags/option.ts';
import { parseTime } from '../flags/times.ts';
import { BatchWriter } from '../output/batch.ts';
import { rfc3339Nano } from '../output/units.ts';

interface LogsFlags {
  readonly details?: boolean;
  readonly follow?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly tail: string;
  readonly timestamps?: boolean;
}

const NEWLINE = 0x0a;

export const logs: CommandDefinition<LogsFlags> = {
  usage: '[OPTIONS] CONTAINER',
  operands: [1, 1],
  configure(command) {
    for (const option of [
      flag('--details', 'Show extra details provided to logs'),
      flag('-f, --follow', 'Follow log output'),
      value(
        '--since <string>',
        'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
      ),
      value('-n, --tail <string>', 'Number of lines to show from the end of the logs').default('all'),
      flag('-t, --timestamps', 'Show timestamps'),
      value(
        '--until <string>',
        'Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
      ),
    ]) {
      command.addOption(option);
    }
  },
  async run(context, [container = ''], flags) {
    const client = await context.client();
    const now = Date.now();
    const { timestamps = false, details = false } = flags;
    const batches = client.containers.logs(
      {
        container,
        follow: flags.follow === true,
        since: toTime('since', flags.since, now),
        until: toTime('until', flags.until, now),
        tail: toLines(flags.tail),
        stdout: true,
        stderr: true,
        timestamps: timestamps || details,
        details,
      },
      { signal: context.signal },
    );
    const sinks = [false, true].map((stderr) => ({
      writer: new BatchWriter(stderr ? context.stderr : context.stdout),
      /** Whether the next piece begins a line. */
      fresh: true,
    }));
    let extra: string | undefined;
    for await (const batch of batches) {
      if (batch.skipped)
        context.stderr.write('k3c: output was skipped: it was written and rotated away faster than it could be read\n');
      // docker puts a blank there even when there is nothing to tell.
      if (details) extra ??= `${batch.details} `;
      for (const { stderr, data, time } of pieces(batch)) {
        const sink = sinks[stderr ? 1 : 0];
        if (sink === undefined) continue;
        const parts = [data];
        if (extra !== undefined && sink.fresh) parts.unshift(Buffer.from(extra));
        if (timestamps && sink.fresh) parts.unshift(Buffer.from(`${rfc3339Nano(time)} `));
        sink.fresh = data.at(-1) === NEWLINE;
        await sink.writer.write(parts.length === 1 ? data : Buffer.concat(parts));
      }
    }
    for (const sink of sinks) await sink.writer.flush();
    return 0;
  },
};

/** What is written at once: lines where they were told apart, else whole runs. */
function* pieces(batch: LogBatch): Generator<{ stderr: boolean; data: Buffer; time: bigint }> {
  for (const { stderr, data, sizes, times } of batch.runs) {
    if (sizes.length === 0) yield { stderr, data, time: 0n };
    let start = 0;
    for (const [index, size] of sizes.entries()) {
      yield { stderr, data: data.subarray(start, start + size), time: times[index] ?? 0n };
      start += size;
    }
  }
}

function toTime(name: string, text: string | undefined, now: number): bigint {
  if (text === undefined || text === '') return 0n;
  try {
    return parseTime(text, now);
  } catch (cause) {
    throw new CliError(`invalid value for "${name}": ${(cause as Error).message}`, { cause });
  }
}

/** Lines from the end; docker takes whatever is no number for all of them. */
function toLines(text: string): bigint | undefined {
  return /^\d+$/.test(text) ? BigInt(text) : undefined;
}
