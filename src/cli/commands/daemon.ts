/** `k3c daemon`. Its flags and its act are lent by main.ts: this room may not import the daemon. */
import type { CommandDefinition } from '../command.ts';
import { CliError } from '../errors.ts';
import { value } from '../flags/option.ts';
import type { Roles } from '../roles.ts';

/** The command over the daemon that the roles lend. */
export async function daemonCommand(roles: Roles): Promise<CommandDefinition> {
  const role = await roles.daemon?.();
  if (role === undefined) throw new CliError('this build of k3c has no daemon');
  const given = new Map<string, string>();
  return {
    usage: '[OPTIONS]',
    operands: [0, 0],
    configure(command) {
      for (const setting of role.settings) {
        const keep = (text: string) => {
          const before = setting.list === true ? given.get(setting.key) : undefined;
          given.set(setting.key, before === undefined ? text : `${before},${text}`);
          return text;
        };
        command.addOption(value(`--${setting.key} <${setting.value}>`, setting.help, keep));
      }
    },
    run: (context) => role.run(Object.fromEntries(given), context),
  };
}
