/** The words of the stream engine: what the container engine and the services need to know of it. */

import type { Log } from '../../../host/log.ts';
import type { Containerd } from '../../backends/containerd.ts';

export type StreamName = 'stdout' | 'stderr';

/** Bytes as the process wrote them. With a terminal everything is stdout. */
export interface OutputChunk {
  readonly stream: StreamName;
  readonly data: Buffer;
}

/** What one client wants of one process. */
export interface AttachWants {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** What was logged before comes first, then what follows, without a gap or an overlap. */
  readonly logs?: boolean;
}

/** One client on one process. */
export interface Attachment {
  /**
   * The output, once: iterate it at the speed of the client. It ends when the process is done and all was delivered,
   * and after `detach`; leaving the loop early detaches. It throws RESOURCE_EXHAUSTED when this client was too slow
   * while others were attached and was cut off.
   */
  readonly output: AsyncIterable<OutputChunk>;
  /**
   * Resolves when the bytes are in the FIFO, so that awaiting it is back-pressure. Bytes for a process without stdin,
   * or whose stdin was ended, are dropped.
   */
  writeStdin(data: Buffer): Promise<void>;
  /** The client's end of input: the process reads EOF, unless it has a terminal or `stdinOnce` is false. */
  endStdin(): void;
  /** Lets go; like the end of input for a process that has one client in its life (`stdinOnce`). Idempotent. */
  detach(): void;
}

/** When a log file is full and how many are kept, the current one included. */
export interface LogLimits {
  /** Bytes of one file; 0: no limit. */
  readonly maxBytes: number;
  readonly maxFiles: number;
}

export interface ContainerIoOptions {
  /** k3c's id, for log lines. */
  readonly containerId: string;
  readonly criId: string;
  /** containerd's state directory. */
  readonly containerdState: string;
  /** Where our FIFOs live: on the same file system as containerd's state. */
  readonly fifoDir: string;
  /** Undefined: no log is kept. */
  readonly logPath: string | undefined;
  /** Default: DEFAULT_LOG_LIMITS. */
  readonly logLimits?: LogLimits;
  readonly tty: boolean;
  /** Whether CRI's container was created with stdin. */
  readonly stdin: boolean;
  /** Whether the first client that ends its input ends the process' (docker run -i: true, docker run -di: false). Default true. */
  readonly stdinOnce?: boolean;
  readonly tasks: Containerd['tasks'];
  readonly log: Log;
}

/** How a container's process ended. */
export interface ProcessExit {
  readonly exitCode: number;
  /** Nanoseconds since the epoch. */
  readonly exitedAt: bigint;
  readonly oomKilled: boolean;
  /** CRI's word (Completed, Error, OOMKilled …) where it was asked, else ''. */
  readonly reason: string;
}

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** A user as numbers; names are resolved by the caller in the container's root file system. */
export interface ProcessUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}

export interface ExecOptions {
  readonly criId: string;
  /** Unique in the container, at most 64 of [A-Za-z0-9_.-]. */
  readonly execId: string;
  readonly fifoDir: string;
  readonly args: readonly string[];
  /** KEY=VALUE, over the container's own. */
  readonly env?: readonly string[];
  readonly cwd?: string;
  readonly user?: ProcessUser;
  readonly tty: boolean;
  readonly stdin: boolean;
  /** No streams: nobody reads, nothing is kept. */
  readonly detach?: boolean;
  /** All capabilities, no seccomp and no AppArmor change of the container's (they are per container in runc). */
  readonly privileged?: boolean;
  readonly size?: TerminalSize;
  /** Cancels the start. A process that runs is not touched by it. */
  readonly signal?: AbortSignal;
  /** The daemon stops: nothing is waited for any more, and `exited` resolves to 137. */
  readonly stopping?: AbortSignal;
  readonly log: Log;
}

/** A process that was started in a running container. */
export interface ExecProcess {
  readonly id: string;
  readonly pid: number;
  /** The one client. With `detach` its output is empty. */
  readonly attachment: Attachment;
  resize(size: TerminalSize): Promise<void>;
  /** @param signal its number */
  kill(signal: number): Promise<void>;
  /**
   * The exit code; the output may still have bytes to deliver. 137 when the container ended and took the process with it.
   * Never rejects.
   */
  readonly exited: Promise<number>;
}

/** A record of the log. The data of all of them, one after the other, is what the process wrote. */
export interface LogRecord {
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  readonly stream: StreamName;
  /** One line at most; its newline is part of it unless `partial`. */
  readonly data: Buffer;
  /** The line goes on in the next record of its stream. */
  readonly partial: boolean;
}

export interface ReadLogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Nanoseconds since the epoch, inclusive; applied to what `tail` left, as docker does. */
  readonly since?: bigint | undefined;
  readonly until?: bigint | undefined;
  /** Whole lines from the end; absent: all. */
  readonly tail?: number | undefined;
  readonly follow?: boolean | undefined;
  /** Cancels: the iteration throws CANCELLED. */
  readonly signal?: AbortSignal | undefined;
  /** Aborted when no more will be written (after ContainerIo.exited()): a follower reads to the end and ends. */
  readonly ended?: AbortSignal | undefined;
  /** A follower was so slow that the file it read, and maybe more, were rotated away: what comes next leaves a gap. */
  readonly onSkipped?: (() => void) | undefined;
}
