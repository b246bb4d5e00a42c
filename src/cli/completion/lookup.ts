/** Names for completion, out of the daemon; none where it cannot be asked. */
import type { CommandContext } from '../context.ts';
import type { Candidate, Lookup } from './complete.ts';

/** A shell waits for this with every key: whoever does not answer by then knows nothing. Milliseconds. */
const PATIENCE_MS = 2000;

/** Asks at most once a call. Never throws: a shell has no place for an error there. */
export function daemonLookup(context: CommandContext): Lookup {
  return async (kind) => {
    try {
      return await ask(context, kind);
    } catch {
      // No daemon, no right to its socket, or no answer in time: the user completes by hand.
      return [];
    }
  };
}

async function ask(context: CommandContext, kind: Parameters<Lookup>[0]): Promise<readonly Candidate[]> {
  const client = await context.client();
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE_MS)]);
  switch (kind) {
    case 'container':
    case 'running':
    case 'stopped':
    case 'path': {
      const all = kind !== 'running';
      const { containers } = await client.containers.list({ all, last: 0, filters: {}, size: false }, { signal });
      return containers
        .filter(({ state }) => kind !== 'stopped' || (state !== 'running' && state !== 'paused'))
        .map(({ name, image, state }) => ({ word: name, about: `${image}, ${state}` }));
    }
    case 'image': {
      const { images } = await client.images.list({ all: false, filters: {} }, { signal });
      return images.flatMap(({ tags, id }) => tags.map((word) => ({ word, about: id.slice(7, 19) })));
    }
    case 'volume': {
      const { volumes } = await client.volumes.list({ filters: {} }, { signal });
      return volumes.map(({ name, driver }) => ({ word: name, about: driver }));
    }
    case 'network': {
      const { networks } = await client.networks.list({ filters: {} }, { signal });
      return networks.map(({ name, driver }) => ({ word: name, about: driver }));
    }
    case 'pod': {
      const { pods } = await client.pods.list({ filters: {}, all: false }, { signal });
      return pods.map(({ name, state, containers }) => ({
        word: name,
        about: [state, ...containers.map((container) => container.name)].join(', '),
      }));
    }
    default:
      return [];
  }
}
