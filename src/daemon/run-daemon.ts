/** A daemon from its first moment to its last, in the process that it has: what is read before it starts, and who is told of it. */
import { once } from 'node:events';
import { version } from '../api/version.ts';
import { sendDatagram } from '../host/libc.ts';
import type { Log } from '../host/log.ts';
import { loadConfig } from './config.ts';
import { startDaemon } from './daemon.ts';
import type { DaemonHost } from './daemon-host.ts';
import { openLog } from './log.ts';
import { pathsOf } from './paths.ts';

/**
 * Runs the daemon until its host's signal is aborted.
 * @param flags as typed, by key of `settings`; config.yaml and the environment count where they say nothing
 * @returns the exit code: 0 after a stop that was asked for
 * @throws K3cError where the configuration or the host does not allow a start
 */
export async function runDaemon(
  flags: Readonly<Record<string, string | undefined>>,
  host: DaemonHost,
): Promise<number> {
  const config = await loadConfig(flags, host.env, host.logsToTerminal);
  const log = openLog(config);
  const started = performance.now();
  const paths = pathsOf(config);
  await using stack = new AsyncDisposableStack();
  // A promise that nobody waited for is a mistake of ours, in a handler or in a command behind the front door; it must not take
  // everybody else's connections down with it.
  const onStray = (err: unknown) => log.error({ err }, 'a failure that nobody waited for');
  process.on('unhandledRejection', onStray);
  stack.defer(() => void process.off('unhandledRejection', onStray));
  await startDaemon(config, paths, host, log, stack);
  log.info(
    { address: config.address, root: config.root, ms: Math.round(performance.now() - started) },
    `k3c ${version} is ready`,
  );
  notify(host, 'READY=1', log);
  if (!host.signal.aborted) await once(host.signal, 'abort');
  notify(host, 'STOPPING=1', log);
  log.info({}, 'stopping; containers go on running');
  return 0;
}

/** Tells a service manager that asked for it (sd_notify(3)). */
function notify(host: DaemonHost, message: string, log: Log): void {
  const socket = host.env['NOTIFY_SOCKET'];
  if (socket === undefined || socket === '') return;
  try {
    sendDatagram(socket, message);
  } catch (err) {
    log.warn({ err, socket }, 'cannot tell the service manager');
  }
}
