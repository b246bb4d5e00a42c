/** `--pull` of run and create: an image that is not there is pulled, with docker's line on stderr. */
import { Code, hasCode, K3cError } from '../api/errors.ts';
import { familiar, normalize } from '../api/reference.ts';
import type { CommandContext } from './context.ts';
import { pullImage } from './transfer.ts';

export interface EnsureOptions {
  readonly image: string;
  /** os/arch[/variant]; empty: this machine's. */
  readonly platform: string;
  /** always, missing or never */
  readonly pull: string;
  readonly quiet: boolean;
}

/** Does an act that needs an image; pulls it before, or when the act finds it missing, and then does the act again. */
export async function withImage<T>(context: CommandContext, options: EnsureOptions, act: () => Promise<T>): Promise<T> {
  const { image: reference, platform, quiet } = options;
  if (options.pull === 'always') await pullImage(context, { reference, platform, quiet, output: 'stderr' });
  try {
    return await act();
  } catch (error) {
    if (options.pull !== 'missing' || !isMissingImage(error)) throw error;
    if (!quiet) context.stderr.write(`Unable to find image '${familiar(normalize(reference))}' locally\n`);
    await pullImage(context, { reference, platform, quiet, output: 'stderr' });
    return await act();
  }
}

function isMissingImage(error: unknown): boolean {
  return hasCode(error, Code.NOT_FOUND) && error instanceof K3cError && error.reason === 'image-not-found';
}
