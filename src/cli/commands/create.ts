/** `k3c create` */

import type { CommandDefinition } from '../command.ts';
import { addContainerFlags, type ContainerFlags, toContainerSpec } from '../container-flags/container-flags.ts';
import { withImage } from '../ensure-image.ts';
import { Exit } from '../exit.ts';
import { openIdFile } from '../id-file.ts';

export const create: CommandDefinition<ContainerFlags> = {
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  operands: [1, Number.POSITIVE_INFINITY],
  optionsFirst: true,
  failure: Exit.OWN,
  configure: addContainerFlags,
  async run(context, operands, flags) {
    const spec = await toContainerSpec(context, operands, flags);
    const cidFile = await openIdFile(flags.cidfile, context.cwd);
    try {
      const client = await context.client();
      const created = await withImage(
        context,
        { image: spec.image, platform: spec.platform, pull: flags.pull, quiet: flags.quiet === true },
        () => client.containers.create({ name: flags.name ?? '', spec }, { signal: context.signal }),
      );
      for (const warning of created.warnings) context.stderr.write(`WARNING: ${warning}\n`);
      await cidFile.write(created.id);
      context.stdout.write(`${created.id}\n`);
      return 0;
    } finally {
      await cidFile.close();
    }
  },
};
