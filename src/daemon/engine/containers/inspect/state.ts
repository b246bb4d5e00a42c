/** `State` of docker's inspect document (moby, api/types/container, State). */
import type { ContainerRecord } from '../../../state/containers.ts';
import type { HealthReport } from '../../../state/health.ts';
import { isoTime } from '../iso-time.ts';
import { isUp, visibleState } from '../summary.ts';

export function stateOf(record: ContainerRecord, health?: HealthReport): Record<string, unknown> {
  const state = visibleState(record);
  return {
    Status: state,
    Running: isUp(record),
    Paused: state === 'paused',
    Restarting: state === 'restarting',
    OOMKilled: record.oomKilled,
    Dead: false,
    Pid: state === 'running' || state === 'paused' ? record.pid : 0,
    ExitCode: record.exitCode,
    Error: record.error,
    StartedAt: isoTime(record.startedAt),
    FinishedAt: isoTime(record.finishedAt),
    ...(health === undefined ? {} : { Health: healthOf(health) }),
  };
}

function healthOf({ status, failingStreak, results }: HealthReport): Record<string, unknown> {
  return {
    Status: status,
    FailingStreak: failingStreak,
    Log: results.map(({ start, end, exitCode, output }) => ({
      Start: isoTime(start),
      End: isoTime(end),
      ExitCode: exitCode,
      Output: output,
    })),
  };
}
