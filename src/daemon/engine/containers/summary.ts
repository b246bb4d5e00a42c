/** What a container looks like from outside: the words of docker that `ps` and `inspect` share. */
import type { ContainerRecord } from '../../state/containers.ts';

export type VisibleState = 'created' | 'running' | 'paused' | 'restarting' | 'exited';

/** A container that is being started has the state it comes from, as in docker. */
export function visibleState(record: ContainerRecord): VisibleState {
  if (record.state !== 'starting') return record.state;
  return record.startedAt === 0n ? 'created' : 'exited';
}

/** docker's `ps` shows these without -a; inspect calls them Running. */
export function isUp(record: ContainerRecord): boolean {
  const state = visibleState(record);
  return state === 'running' || state === 'paused' || state === 'restarting';
}

/** What runs as process 1: entrypoint and command in one list. */
export function argv(record: ContainerRecord): readonly string[] {
  return [...record.config.entrypoint, ...record.config.command];
}
