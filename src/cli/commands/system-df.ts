/** `k3c system df` */
import type { CommandDefinition } from '../command.ts';
import { flag, value } from '../flags/option.ts';
import { diskUsageDetails, diskUsageList, diskUsageRows } from '../output/disk-usage.ts';
import { FORMAT_HELP, renderList } from '../output/rows.ts';

interface SystemDfFlags {
  readonly format?: string;
  readonly verbose?: boolean;
}

export const systemDf: CommandDefinition<SystemDfFlags> = {
  usage: '[OPTIONS]',
  operands: [0, 0],
  configure(command) {
    command.addOption(value('--format <string>', FORMAT_HELP));
    command.addOption(flag('-v, --verbose', 'Show detailed information on space usage'));
  },
  async run(context, _operands, flags) {
    const { system } = await context.client();
    const usage = await system.diskUsage({}, { signal: context.signal });
    const { format } = flags;
    context.stdout.write(
      flags.verbose === true
        ? diskUsageDetails(usage, { format, now: Date.now() })
        : renderList(diskUsageRows(usage), diskUsageList, { format }),
    );
    return 0;
  },
};
