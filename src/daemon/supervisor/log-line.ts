/** Takes the log lines of containerd and buildkitd (logrus JSON) into ours, their errors as warnings, the rest as details. */
import type { Log } from '../../host/log.ts';

/** Errors that are none here: the engine owns a container's FIFOs, and closes them under CRI, which reads them after a restart. */
const EXPECTED = /^Failed to pipe (stdout|stderr) of container /;

/** Returns the sink for one child's lines. Lines that are not JSON are logged as they are. */
export function childLog(log: Log, child: string): (line: string) => void {
  return (line) => {
    if (line.startsWith('{')) {
      try {
        const { level, msg, time: _time, ...fields } = JSON.parse(line) as Record<string, unknown>;
        const text = String(msg ?? '');
        const failed = (level === 'error' || level === 'fatal' || level === 'panic') && !EXPECTED.test(text);
        (failed ? log.warn : log.debug).call(log, { child, ...fields }, text);
        return;
      } catch {
        // Cut off or not JSON after all: the raw line below.
      }
    }
    // A stack trace or a word to a terminal; should the child die, its last lines are in the error anyway.
    if (line.trim() !== '') log.debug({ child }, line);
  };
}
