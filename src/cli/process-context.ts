/** The real process as a host for commands: the only file of the client that touches its streams, signals and environment. */
import type { Readable, Writable } from 'node:stream';
import { isatty } from 'node:tty';
import type { Host, TerminalSize } from './context.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const satisfies readonly NodeJS.Signals[];
/** What a listener that takes signals over gets besides: docker forwards these to the container. */
const FORWARDED = ['SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGWINCH', 'SIGALRM'] as const satisfies readonly NodeJS.Signals[];

/** A host for one command, over this process. Call `dispose` when the command has ended. */
export function processHost(): Host & { dispose(): void } {
  const controller = new AbortController();
  const listeners = new Set<(signal: NodeJS.Signals) => void>();
  let raw = false;

  const onSignal = (signal: NodeJS.Signals) => {
    if (listeners.size > 0) for (const listener of listeners) listener(signal);
    else {
      controller.abort(signal);
      // The next one has its usual effect, should the command not end by itself.
      for (const name of SIGNALS) process.off(name, onSignal);
    }
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);

  const setRawMode = (on: boolean) => {
    if (raw === on || !isatty(0)) return;
    process.stdin.setRawMode(on);
    raw = on;
  };
  // A reader that has gone (`| head`) ends the command as SIGPIPE would.
  const onStreamError = (error: NodeJS.ErrnoException) => {
    // A pipe says EPIPE; a socket that still held unread bytes is reset.
    if (error.code === 'EPIPE' || error.code === 'ECONNRESET') controller.abort('SIGPIPE');
    else controller.abort(error);
  };
  let stdout: Writable | undefined;
  let stderr: Writable | undefined;
  const watched = (stream: Writable) => stream.on('error', onStreamError);

  return {
    env: process.env,
    cwd: process.cwd(),
    stdin: (): Readable => process.stdin,
    // Opening the process's streams costs start-up time: only when they are used.
    get stdout() {
      stdout ??= watched(process.stdout);
      return stdout;
    },
    get stderr() {
      stderr ??= watched(process.stderr);
      return stderr;
    },
    signal: controller.signal,
    onSignal(listener) {
      if (listeners.size === 0) for (const signal of FORWARDED) process.on(signal, onSignal);
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) for (const signal of FORWARDED) process.off(signal, onSignal);
      };
    },
    terminal: {
      isTty: { stdin: isatty(0), stdout: isatty(1), stderr: isatty(2) },
      size,
      onResize(listener) {
        const onChange = () => listener(size());
        process.stdout.on('resize', onChange);
        return () => void process.stdout.off('resize', onChange);
      },
      setRawMode,
    },
    async flush() {
      await Promise.all([stdout, stderr].map((stream) => (stream === undefined ? undefined : flush(stream))));
    },
    dispose() {
      setRawMode(false);
      for (const signal of SIGNALS) process.off(signal, onSignal);
      stdout?.off('error', onStreamError);
      stderr?.off('error', onStreamError);
    },
  };
}

/** The size of the terminal on stdout; zeros where it is none. */
function size(): TerminalSize {
  return { columns: process.stdout.columns ?? 0, rows: process.stdout.rows ?? 0 };
}

function flush(stream: Writable): Promise<void> {
  if (stream.destroyed || stream.writableEnded || stream.writableLength === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      stream.off('close', done);
      resolve();
    };
    stream.once('close', done);
    stream.write('', done);
  });
}
