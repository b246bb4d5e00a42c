/** Takes the log lines of containerd and buildkitd (logrus JSON) into ours, their errors as warnings, the rest as details. */
import type { Log } from '../../host/log.ts';

/** Returns the sink for one child's lines. Lines that are not JSON are logged as they are. */
export function childLog(log: Log, child: string): (line: string) => void {
  return (line) => {
    if (line.startsWith('{')) {
      try {
        const { level, msg, time: _time, ...fields } = JSON.parse(line) as Record<string, unknown>;
        const write = level === 'error' || level === 'fatal' || level === 'panic' ? log.warn : log.debug;
        write.call(log, { child, ...fields }, String(msg ?? ''));
        return;
      } catch {
        // Cut off or not JSON after all: the raw line below.
      }
    }
    // A stack trace or a word to a terminal; should the child die, its last lines are in the error anyway.
    if (line.trim() !== '') log.debug({ child }, line);
  };
}
