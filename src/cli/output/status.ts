/** The STATUS column of `ps`: `Up 3 seconds`, `Exited (0) 2 minutes ago` (moby daemon/container/state.go). */
import type { ContainerSummary } from '../../api/gen/k3c.ts';
import { humanDuration, sinceNanos } from './units.ts';

/** @param now milliseconds since the epoch */
export function displayStatus(container: ContainerSummary, now: number): string {
  const ago = (time: bigint) => humanDuration(sinceNanos(time, now));
  switch (container.state) {
    case 'running':
      return `Up ${ago(container.startedAt)}${health(container.health)}`;
    case 'paused':
      return `Up ${ago(container.startedAt)} (Paused)`;
    case 'restarting':
      return `Restarting (${container.exitCode}) ${ago(container.finishedAt)} ago`;
    case 'exited':
      return container.finishedAt === 0n ? '' : `Exited (${container.exitCode}) ${ago(container.finishedAt)} ago`;
    case 'dead':
      return 'Dead';
    case 'removing':
      return 'Removal In Progress';
    default:
      return 'Created';
  }
}

function health(status: string): string {
  if (status === '' || status === 'none') return '';
  return status === 'starting' ? ' (health: starting)' : ` (${status})`;
}
