/** Processes: the only door to node:child_process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  /** Resolves when the process is gone; never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** Sends a signal; nothing happens when it is gone already. */
  kill(signal: NodeJS.Signals): void;
}

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string | undefined;
  /** Called with every line of standard output and error. */
  readonly onLine: (line: string) => void;
}

/**
 * Starts a long-running child whose output is read line by line. Rejects when it cannot be started at all. It has a session of its own: a
 * ^C in our terminal is for us, who end it when it is time.
 */
export function startChild(options: ChildOptions): Promise<Child> {
  return new Promise((resolve, reject) => {
    const child = spawn(options.command, options.args, {
      env: options.env,
      cwd: options.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const exited = new Promise<ExitStatus>((done) => {
      // 'close', not 'exit': every line of its output has been delivered by then.
      child.once('close', (code, signal) => done({ code, signal }));
    });
    for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', options.onLine);
    child.once('error', reject);
    child.once('spawn', () => {
      child.off('error', reject);
      child.on('error', () => {
        // A signal that could not be delivered: the process is gone, and `exited` says so.
      });
      resolve({ pid: child.pid as number, exited, kill: (signal) => void child.kill(signal) });
    });
  });
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly cwd?: string | undefined;
  /** Written to its standard input, which is then closed. */
  readonly input?: string | Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RunResult extends ExitStatus {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** Runs a command to its end and hands over all output. Rejects only when it cannot be started or was aborted. */
export function runProcess(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(command, args, {
      env: options.env ?? process.env,
      cwd: options.cwd,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => err.push(chunk));
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({ code, signal, stdout: Buffer.concat(out), stderr: Buffer.concat(err) }),
    );
    child.stdin?.on('error', () => {
      // It may end without reading its input (EPIPE); its exit status is what counts.
    });
    child.stdin?.end(options.input);
  });
}
