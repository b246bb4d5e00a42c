/** What commands need to know of a container before they attach to it. */
import type { CommandContext } from './context.ts';

export interface Inspected {
  readonly tty: boolean;
  readonly openStdin: boolean;
  readonly running: boolean;
  readonly paused: boolean;
  readonly restarting: boolean;
}

interface Document {
  readonly Config?: { readonly Tty?: boolean; readonly OpenStdin?: boolean };
  readonly State?: { readonly Running?: boolean; readonly Paused?: boolean; readonly Restarting?: boolean };
}

/** Asks the daemon. Rejects with its error when there is no such container. */
export async function inspectState(context: CommandContext, container: string): Promise<Inspected> {
  const client = await context.client();
  const { document } = await client.containers.inspect({ container }, { signal: context.signal });
  const { Config, State } = JSON.parse(document.toString('utf8')) as Document;
  return {
    tty: Config?.Tty === true,
    openStdin: Config?.OpenStdin === true,
    running: State?.Running === true,
    paused: State?.Paused === true,
    restarting: State?.Restarting === true,
  };
}
