/** A process in a container on the user's streams and terminal: what run, start -a, attach and exec share. */
import type { StreamOpen } from '../api/gen/k3c.ts';
import { type StreamCall, type StreamEnds, type StreamOutcome, serveStream } from '../client/streams.ts';
import type { CommandContext } from './context.ts';
import { CliError } from './errors.ts';
import { Exit } from './exit.ts';
import { parseDetachKeys } from './flags/detach-keys.ts';

export interface InteractiveOptions {
  readonly call: StreamCall;
  readonly open: StreamOpen;
  /** Whether the process has a terminal: ours becomes raw, and detach keys count. */
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly detachKeys: string | undefined;
  /** Whether signals go to the process instead of ending the command. */
  readonly forwardSignals: boolean;
  /** Whether what is on the screen is to be drawn anew: the process is made to see a change of size. */
  readonly redraw?: boolean;
  /** How signals reach the process; see StreamEnds. */
  readonly kill?: StreamEnds['kill'];
  readonly onCreated?: StreamEnds['onCreated'];
}

/** docker's refusal to give a process a terminal when we have none. */
export function checkTty(context: CommandContext, tty: boolean, stdin: boolean): void {
  if (tty && stdin && !context.terminal.isTty.stdin)
    throw new CliError('the input device is not a TTY', { exitCode: 1 });
}

/** Serves a stream to its end on the user's terminal, which is left as it was found. */
export async function serveInteractive(context: CommandContext, options: InteractiveOptions): Promise<StreamOutcome> {
  const { terminal } = context;
  const { tty } = options;
  const keys = await detachKeys(context, options);
  const raw = tty && options.stdin && terminal.isTty.stdin;
  try {
    return await serveStream(options.call, options.open, {
      stdin: options.stdin ? () => context.stdin() : undefined,
      stdout: options.stdout ? context.stdout : undefined,
      stderr: options.stderr ? context.stderr : undefined,
      detachKeys: keys,
      onResize:
        tty && terminal.isTty.stdout ? (listener) => onResize(context, listener, options.redraw ?? false) : undefined,
      onSignal: options.forwardSignals ? (listener) => context.onSignal(listener) : undefined,
      kill: options.kill,
      onCreated: options.onCreated,
      onStarted: () => {
        if (raw) terminal.setRawMode(true);
      },
    });
  } finally {
    if (raw) terminal.setRawMode(false);
  }
}

/**
 * The keys that leave the process running: the flag's, else those of docker's config.json, else docker's own. Undefined where
 * nobody types. Keys in config.json that are none are told and left alone, as docker does.
 */
async function detachKeys(context: CommandContext, options: InteractiveOptions): Promise<Buffer | undefined> {
  const given = parseDetachKeys(options.detachKeys);
  if (!options.tty || !options.stdin) return undefined;
  if (options.detachKeys !== undefined && options.detachKeys !== '') return given;
  try {
    return parseDetachKeys((await context.dockerConfig()).detachKeys);
  } catch (error) {
    context.stderr.write(`WARNING: Error loading config file: ${(error as Error).message}\n`);
    return given;
  }
}

/** Calls back at once with the size there is, twice where a redraw is wanted, and at every change. */
function onResize(
  context: CommandContext,
  listener: (size: { columns: number; rows: number }) => void,
  redraw: boolean,
): () => void {
  const { columns, rows } = context.terminal.size();
  if (redraw) listener({ columns: columns + 1, rows: rows + 1 });
  listener({ columns, rows });
  return context.terminal.onResize(listener);
}

/** The exit code of a command whose stream ended so. */
export function exitCodeOfOutcome(context: CommandContext, outcome: StreamOutcome): number {
  if (outcome.kind !== 'exited') return 0;
  const { exitCode, error } = outcome.exited;
  if (error !== '') context.stderr.write(`k3c: ${error}\n`);
  return error !== '' && exitCode === 0 ? Exit.OWN : exitCode;
}
