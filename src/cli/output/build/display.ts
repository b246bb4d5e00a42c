/** What shows a build while it runs. */
import type { BuildStatus } from '../../../client/build/control.ts';

export interface Display {
  /** Takes one status message in. */
  update(status: BuildStatus): void;
  /** The build has ended: shows the rest and lets go of timers and the terminal. */
  done(): void;
}

/** Milliseconds since 1970. */
export type Clock = () => number;

/** Shows nothing. */
export const quietDisplay: Display = { update: () => undefined, done: () => undefined };
