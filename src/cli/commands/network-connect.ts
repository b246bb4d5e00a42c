/** `k3c network connect` and `k3c network disconnect` */
import type { CommandDefinition } from '../command.ts';
import { checkAddress } from '../flags/names.ts';
import { flag, value, values } from '../flags/option.ts';

interface ConnectFlags {
  readonly alias?: readonly string[];
  readonly ip?: string;
  readonly ip6?: string;
}

export const networkConnect: CommandDefinition<ConnectFlags> = {
  usage: '[OPTIONS] NETWORK CONTAINER',
  operands: [2, 2],
  configure(command) {
    command.addOption(values('--alias <strings>', 'Add network-scoped alias for the container'));
    command.addOption(value('--ip <string>', 'IPv4 address (e.g., "172.30.100.104")', checkAddress));
    command.addOption(value('--ip6 <string>', 'IPv6 address (e.g., "2001:db8::33")', checkAddress));
  },
  async run(context, [network = '', container = ''], flags) {
    const { networks } = await context.client();
    const { ip = '', ip6 = '', alias = [] } = flags;
    const request = { network, container, ip, ip6, aliases: [...alias] };
    await networks.connect(request, { signal: context.signal });
    return 0;
  },
};

interface DisconnectFlags {
  readonly force?: boolean;
}

export const networkDisconnect: CommandDefinition<DisconnectFlags> = {
  usage: '[OPTIONS] NETWORK CONTAINER',
  operands: [2, 2],
  configure: (command) =>
    void command.addOption(flag('-f, --force', 'Force the container to disconnect from a network')),
  async run(context, [network = '', container = ''], flags) {
    const { networks } = await context.client();
    await networks.disconnect({ network, container, force: flags.force === true }, { signal: context.signal });
    return 0;
  },
};
