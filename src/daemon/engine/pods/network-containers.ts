/** The containers on a network as `network inspect` shows them: those of a pod, which alone is a member, by their own names. */
import type { State } from '../../state/database.ts';
import type { NetworkMember } from '../network/members.ts';
import { membersOf } from './members.ts';

/** A pod in which nothing runs is shown by itself: it has the address. */
export function networkContainers(
  state: Pick<State, 'containers' | 'pods'>,
  members: readonly NetworkMember[],
): readonly NetworkMember[] {
  return members.flatMap((member) => {
    if (state.pods.byId(member.container) === undefined) return [member];
    const running = membersOf(state, member.container).filter((one) => ['running', 'paused'].includes(one.state));
    if (running.length === 0) return [member];
    return running.map(({ id, name }) => ({ ...member, container: id, name }));
  });
}
