/**
 * All that a command may touch. Commands never reach for the process: they get this and return an exit code, so that they
 * run the same in a process of their own, in a test, or inside the warm daemon on behalf of a launcher.
 */
import type { Readable, Writable } from 'node:stream';
import type { K3cClient } from '../client/client.ts';
import type { DockerConfig } from '../client/credentials/config.ts';

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** The terminal on the side where the command was typed. */
export interface Terminal {
  /** Which of the three standard streams are terminals. */
  readonly isTty: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
  size(): TerminalSize;
  /** Calls back on every change of size until the returned function is called. */
  onResize(listener: (size: TerminalSize) => void): () => void;
  /** Raw mode of stdin; always restored when the command ends. */
  setRawMode(raw: boolean): void;
}

/** What a command has of the side where it was typed: everything of its context but the daemon. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute; relative paths of the user resolve against it. */
  readonly cwd: string;
  /** Opens stdin. Reading starts here, so call it only when the command wants input. */
  stdin(): Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly terminal: Terminal;
  /**
   * Aborted at the first SIGINT, SIGTERM, SIGHUP or SIGQUIT, unless a listener has taken signals over, and when the output is
   * closed (SIGPIPE). The reason is the signal's name.
   */
  readonly signal: AbortSignal;
  /** Takes signals over until the returned function is called. */
  onSignal(listener: (signal: NodeJS.Signals) => void): () => void;
  /** Resolves when everything written to stdout and stderr has been handed over, or never will be. */
  flush(): Promise<void>;
}

export interface CommandContext extends Host {
  /** The daemon's client, connected at its first call. */
  client(): Promise<K3cClient>;
  /**
   * Docker's configuration of the user, read at its first call. One that cannot be read is told of on stderr and counts for none, as
   * docker has it; so who would write it has to read it himself.
   */
  dockerConfig(): Promise<DockerConfig>;
  /** The socket of the daemon, as flags and environment name it. */
  readonly address: string;
}
