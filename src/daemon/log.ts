/** The daemon's log: pino, as JSON for machines or as one readable line for people. */
import { type Logger, pino } from 'pino';
import type { DaemonConfig } from './config.ts';

/** Opens the log on standard error (sync: what was said before a crash is there). */
export function openLog(config: Pick<DaemonConfig, 'logLevel' | 'logFormat'>): Logger {
  const destination = pino.destination({ fd: 2, sync: true });
  const options = {
    level: config.logLevel,
    base: {},
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (config.logFormat === 'json') return pino(options, destination);
  return pino(options, { write: (line: string) => destination.write(toText(line)) });
}

/** One JSON line as text: time, level, message, then fields. */
export function toText(line: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown> & {
    err?: { message?: string; stack?: string };
  };
  const pairs = Object.entries(fields).map(
    ([key, value]) => ` ${key}=${typeof value === 'string' && !/[\s"=]/.test(value) ? value : JSON.stringify(value)}`,
  );
  const failure = err === undefined ? '' : `: ${err.message ?? JSON.stringify(err)}`;
  return `${String(time)} ${String(level).toUpperCase().padEnd(5)} ${String(msg)}${failure}${pairs.join('')}\n`;
}
