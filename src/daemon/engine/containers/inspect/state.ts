/** `State` of docker's inspect document (moby, api/types/container, State). */
import type { ContainerRecord } from '../../../state/containers.ts';
import { isoTime } from '../iso-time.ts';
import { isUp, visibleState } from '../summary.ts';

export function stateOf(record: ContainerRecord): Record<string, unknown> {
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
  };
}
