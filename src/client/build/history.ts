/** BuildKit's record of a finished build: the way to an error too large for the trailers of Solve. */
import { Code, K3cError } from '../../api/errors.ts';
import type { ControlClient } from './control.ts';
import { type BuildError, fromStatus } from './error.ts';

const TIMEOUT = 3000;

/** The recorded error of a build; undefined when there is no record or it cannot be read. */
export async function recordedError(control: ControlClient, ref: string): Promise<BuildError | undefined> {
  try {
    for await (const event of control.listenBuildHistory({ Ref: ref, EarlyExit: true }, { timeoutMs: TIMEOUT })) {
      const error = event.record?.error;
      if (error === undefined) continue;
      return fromStatus(new K3cError(Code.UNKNOWN, error.message), error);
    }
  } catch (error) {
    // The record is a second source: without it the first error has to do.
    if (!(error instanceof K3cError)) throw error;
  }
  return undefined;
}
