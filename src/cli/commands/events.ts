/** `k3c events` */
import type { CommandDefinition } from '../command.ts';
import { CliError } from '../errors.ts';
import { value, values } from '../flags/option.ts';
import { parseTime } from '../flags/times.ts';
import { parseFilter, toFilters } from '../flags/words.ts';
import { BatchWriter } from '../output/batch.ts';
import { eventRenderer } from '../output/events.ts';
import { INSPECT_FORMAT_HELP } from '../output/inspect.ts';

interface EventsFlags {
  readonly filter?: readonly (readonly [string, string])[];
  readonly format?: string;
  readonly since?: string;
  readonly until?: string;
}

export const events: CommandDefinition<EventsFlags> = {
  usage: '[OPTIONS]',
  operands: [0, 0],
  configure(command) {
    for (const option of [
      values('-f, --filter <filter>', 'Filter output based on conditions provided', parseFilter),
      value('--format <string>', INSPECT_FORMAT_HELP),
      value('--since <string>', 'Show all events created since timestamp'),
      value('--until <string>', 'Stream events until this timestamp'),
    ]) {
      command.addOption(option);
    }
  },
  async run(context, _operands, flags) {
    const render = eventRenderer(flags.format ?? '');
    const now = Date.now();
    const range = { since: toTime(flags.since, now), until: toTime(flags.until, now) };
    const client = await context.client();
    const writer = new BatchWriter(context.stdout);
    try {
      const request = { ...range, filters: toFilters(flags.filter ?? []) };
      for await (const event of client.system.events(request, { signal: context.signal }))
        await writer.write(Buffer.from(render(event)));
    } finally {
      await writer.flush();
    }
    return 0;
  },
};

function toTime(text: string | undefined, now: number): bigint {
  if (text === undefined || text === '') return 0n;
  try {
    return parseTime(text, now);
  } catch (cause) {
    throw new CliError((cause as Error).message, { cause });
  }
}
