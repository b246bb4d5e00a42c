import { ContainerIo } from '../streams/container-io.ts';
import { startExec } from '../streams/exec.ts';
import { readLogBatches } from '../streams/read-log.ts';
import { waitForExit } from '../streams/wait-for-exit.ts';
import type { StreamEngine } from './dependencies.ts';

/** The real streams; tests pass their own. */
export function streamEngine(): StreamEngine {
  return {
    prepare: (options) => ContainerIo.prepare(options),
    reopen: (options) => ContainerIo.reopen(options),
    waitForExit,
    startExec,
    readLog: readLogBatches,
  };
}
