/** Where both roles begin: the command line, and the daemon behind its command `daemon`. Each loads only what it needs. */
import { basename, dirname, join } from 'node:path';
import type { Host } from './cli/context.ts';
import type { Door } from './cli/door/door.ts';
import { processHost } from './cli/process-context.ts';
import { runCli } from './cli/program.ts';
import type { DaemonRole, Roles } from './cli/roles.ts';

// The launcher puts a `--` first: Node would read the files that `--env-file` names before it as its own.
const argv = process.argv.slice(process.argv[2] === '--' ? 3 : 2);
const [command] = argv;
// Process lists show this and not Node's own name; never the arguments, which may hold secrets.
process.title = command === undefined || command.startsWith('-') ? 'k3c' : `k3c ${command}`;

/** The daemon, with the front door to the commands beside its socket: only here do both sides meet. */
async function daemon(): Promise<DaemonRole> {
  const { settings } = await import('./daemon/config.ts');
  return {
    settings,
    run: async (flags, host) => {
      const { runDaemon } = await import('./daemon/run-daemon.ts');
      const signals = daemonSignals(host);
      return runDaemon(flags, {
        env: host.env,
        signal: signals.stop,
        onReload: signals.onReload,
        logsToTerminal: host.terminal.isTty.stderr,
        onReady: openOwnDoor,
      });
    },
  };
}

/** SIGHUP reloads, any other signal that ends a program stops; a second one has its usual effect. */
function daemonSignals({ signal, onSignal }: Host) {
  const stop = new AbortController();
  const listeners = new Set<() => Promise<void>>();
  const release = onSignal((name) => {
    if (name === 'SIGHUP') for (const listener of listeners) void listener();
    else if (name === 'SIGINT' || name === 'SIGTERM' || name === 'SIGQUIT') {
      release();
      stop.abort(name);
    }
  });
  return {
    stop: AbortSignal.any([signal, stop.signal]),
    onReload(listener: () => Promise<void>) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

interface DoorPlace {
  readonly address: string;
  /** What its commands reach without a socket. */
  readonly inside: NonNullable<Roles['inside']>;
}

const filesHelper = async () => (await import('./bundle/program.ts')).filesHelperPath();

/**
 * Opens the front door beside the daemon's socket; from sources there is none, since only the launcher knocks. It knocks beside
 * a k3c.sock alone: two daemons whose sockets lie in one directory must not take each other's door.
 */
async function openOwnDoor({ address, inside }: DoorPlace): Promise<Door | undefined> {
  const { isPackaged, payloadDigest } = await import('./bundle/program.ts');
  if (!isPackaged() || basename(address) !== 'k3c.sock') return undefined;
  const { openDoor } = await import('./cli/door/door.ts');
  const { isSmall } = await import('./cli/door/small-commands.ts');
  const { configMayWait, mayWait, RecentMounts } = await import('./cli/door/waiting-files.ts');
  const recent = new RecentMounts();
  return openDoor({
    path: join(dirname(address), 'door.sock'),
    digest: payloadDigest() ?? '',
    takes: (argv, cwd, env) => isSmall(argv) && !mayWait(argv, cwd) && !configMayWait(env, () => recent.mounts()),
    // Whatever address this daemon serves, the commands it does are its own.
    run: (argv, guest) => runCli(argv, guest, { address, inside, filesHelper }),
  });
}

const host = processHost();
runCli(argv, host, { daemon, filesHelper }).then(
  (code) => {
    host.dispose();
    process.exit(code);
  },
  (error: unknown) => {
    host.dispose();
    console.error('k3c: an error in k3c itself:', error);
    process.exit(125);
  },
);
