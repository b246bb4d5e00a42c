/** `k3c logout` */
import { credentialsKey, DOCKER_HUB_KEY, hostOf } from '../../client/credentials/lookup.ts';
import { eraseCredentials } from '../../client/credentials/store.ts';
import type { CommandDefinition } from '../command.ts';

export const logout: CommandDefinition = {
  usage: '[SERVER]',
  details: 'If no server is specified, it is Docker Hub.',
  operands: [0, 1],
  configure() {
    // It takes no flag of its own.
  },
  async run(context, [named = '']) {
    const key = named === '' ? DOCKER_HUB_KEY : credentialsKey(hostOf(named));
    const shown = key === DOCKER_HUB_KEY ? key : hostOf(named);
    context.stdout.write(`Removing login credentials for ${shown}\n`);
    // Older programs kept them under the address as it was typed.
    const others = key === DOCKER_HUB_KEY ? [] : [named, `http://${shown}`, `https://${shown}`];
    try {
      await eraseCredentials([...new Set([key, ...others])], context.env);
    } catch (error) {
      context.stderr.write(`WARNING: could not erase credentials:\n${key}: ${(error as Error).message}\n`);
    }
    return 0;
  },
};
