/** The formats of lists that a user has chosen in docker's client configuration. */
import type { CommandContext } from './context.ts';

/** The format under a key of `config.json`; undefined without one. */
export async function userFormat(
  context: Pick<CommandContext, 'dockerConfig'>,
  key: 'psFormat' | 'imagesFormat' | 'statsFormat' | 'networksFormat' | 'volumesFormat',
): Promise<string | undefined> {
  return (await context.dockerConfig()).formats[key];
}
