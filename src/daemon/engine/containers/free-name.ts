/** Names of containers and of pods are one set: CRI calls a container's own pod by the container's name. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { State } from '../../state/database.ts';

type Names = Pick<State, 'containers' | 'pods'>;

export function isNameTaken(state: Names, name: string): boolean {
  return state.containers.byName(name) !== undefined || state.pods.byName(name) !== undefined;
}

/** ALREADY_EXISTS (name-in-use), docker's sentence. */
export function checkNameFree(state: Names, name: string, wanted: 'container' | 'pod'): void {
  const container = state.containers.byName(name);
  const holder = container ?? state.pods.byName(name);
  if (holder === undefined) return;
  const kind = container === undefined ? 'pod' : 'container';
  const act = kind === 'pod' ? 'remove' : 'remove (or rename)';
  throw new K3cError(
    Code.ALREADY_EXISTS,
    `Conflict. The ${wanted} name "/${name}" is already in use by ${kind} "${holder.id}". You have to ${act} that ${kind} to be able to reuse that name.`,
    { reason: 'name-in-use' },
  );
}
