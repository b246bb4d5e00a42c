/** When an exited container is started again, and after how long: docker's restart manager. */
import type { RestartPolicySpec } from '../../state/spec.ts';

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 60_000;
/** An attempt that lasted so long counts as a success: the delay starts over. */
const STABLE_MS = 10_000;

export interface Ended {
  readonly policy: RestartPolicySpec;
  readonly exitCode: number;
  /** A user asked for the stop. */
  readonly manualStop: boolean;
  /** Restarts that the policy made so far. */
  readonly restartCount: number;
}

/** Whether the policy wants it to run again. After a restart of the daemon `always` means always, as in docker. */
export function wantsRestart(ended: Ended, atDaemonStart = false): boolean {
  const { policy } = ended;
  switch (policy.name) {
    case 'always':
      return atDaemonStart || !ended.manualStop;
    case 'unless-stopped':
      return !ended.manualStop;
    case 'on-failure':
      return (
        !ended.manualStop &&
        ended.exitCode !== 0 &&
        (policy.maximumRetryCount === 0 || ended.restartCount < policy.maximumRetryCount)
      );
    default:
      return false;
  }
}

/**
 * Milliseconds to wait before the next attempt.
 * @param previous the delay before the attempt that just ended; 0: it was not a restart
 * @param lastedMs how long that attempt ran
 */
export function nextDelay(previous: number, lastedMs: number): number {
  if (previous === 0 || lastedMs >= STABLE_MS) return FIRST_DELAY_MS;
  return Math.min(previous * 2, MAX_DELAY_MS);
}
