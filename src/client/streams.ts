/** A process in a container at both ends of a stream: its input from here, its output to here, until it has exited. */
import type { Readable, Writable } from 'node:stream';
import type { CreateResponse, Exited, Started, StreamInput, StreamOpen, StreamOutput } from '../api/gen/k3c.ts';
import type { BidiCall } from '../api/rpc/types.ts';
import { DetachScanner } from './detach.ts';

/** A call of Run, Attach or Exec. */
export type StreamCall = BidiCall<Partial<StreamInput>, StreamOutput>;

/** This side of a stream. What is absent is not connected. */
export interface StreamEnds {
  /** Opens the input; called when the process has started. */
  readonly stdin?: (() => Readable) | undefined;
  readonly stdout?: Writable | undefined;
  readonly stderr?: Writable | undefined;
  /** Bytes that, typed on stdin, leave the process running. */
  readonly detachKeys?: Buffer | undefined;
  /** Calls back on every change of the terminal's size until the returned function is called. */
  readonly onResize?: ((listener: (size: { columns: number; rows: number }) => void) => () => void) | undefined;
  /** Calls back on every signal to forward until the returned function is called. */
  readonly onSignal?: ((listener: (signal: string) => void) => () => void) | undefined;
  /**
   * Sends a signal to the started process beside the stream, where it would wait behind input that the process does not
   * read. Absent: signals go by the stream.
   */
  readonly kill?: ((id: string, signal: string) => Promise<unknown>) | undefined;
  readonly onCreated?: ((created: CreateResponse) => void | Promise<void>) | undefined;
  readonly onStarted?: ((started: Started) => void | Promise<void>) | undefined;
}

export type StreamOutcome =
  | { readonly kind: 'exited'; readonly exited: Exited }
  /** The detach keys were typed. */
  | { readonly kind: 'detached' }
  /** The daemon ended the call without an exit: it was asked to detach. */
  | { readonly kind: 'ended' };

/** How much input may be on its way to the process before reading stops, in bytes. See stdin_taken in k3c.proto. */
const STDIN_WINDOW = 1 << 20;

/** How long the daemon may take to let go of a client that detaches, in milliseconds. */
const DETACH_MS = 2000;

/**
 * Opens a stream and serves it to its end. Both directions keep back-pressure: input is read no faster than the transport
 * takes it, output is asked for no faster than the writables take it. The end of stdin is passed on as a half-close.
 * Rejects with the call's K3cError; an output that was closed cancels the call, which leaves the container running.
 */
export async function serveStream(call: StreamCall, open: StreamOpen, ends: StreamEnds): Promise<StreamOutcome> {
  let outcome: StreamOutcome = { kind: 'ended' };
  let detached = false;
  const cleanups: (() => void)[] = [];
  // A send that fails says that the call is over: the loop below tells why.
  const send = (input: StreamInput['input']) => call.send({ input }).catch(() => undefined);
  const detach = () => {
    detached = true;
    // A cancelled call would take what was typed before along: the daemon is asked to end it, and has its time for that.
    void send({ $case: 'detach', value: true });
    const late = setTimeout(() => call.cancel(), DETACH_MS);
    cleanups.push(() => clearTimeout(late));
  };
  try {
    await send({ $case: 'open', value: open });
    // Signals belong to the process as soon as there is one; input is taken only when it has started, so that it is still there
    // for another attempt when it has not.
    let taken = false;
    let pump: InputPump | undefined;
    let startedId: string | undefined;
    const takeSignals = () => {
      if (taken || ends.onSignal === undefined) return;
      taken = true;
      cleanups.push(
        ends.onSignal((signal) => {
          // One that comes when the process has ended is too late, as it is on the stream.
          if (startedId !== undefined && ends.kill !== undefined) ends.kill(startedId, signal).catch(() => undefined);
          else void send({ $case: 'signal', value: signal });
        }),
      );
    };
    const takeInput = () => {
      takeSignals();
      if (ends.onResize !== undefined) {
        cleanups.push(
          ends.onResize((size) => void send({ $case: 'resize', value: { width: size.columns, height: size.rows } })),
        );
      }
      if (ends.stdin === undefined) return;
      pump = pumpInput(ends.stdin(), send, ends.detachKeys, detach);
      cleanups.push(pump.stop);
    };
    for (const output of [ends.stdout, ends.stderr]) {
      if (output === undefined) continue;
      const gone = () => call.cancel();
      output.once('close', gone);
      cleanups.push(() => void output.off('close', gone));
    }
    for await (const { output } of call) {
      if (output === undefined) continue;
      if (output.$case === 'stdout') await write(ends.stdout, output.value);
      else if (output.$case === 'stderr') await write(ends.stderr, output.value);
      else if (output.$case === 'stdinTaken') pump?.taken(Number(output.value));
      else if (output.$case === 'created') {
        takeSignals();
        await ends.onCreated?.(output.value);
      } else if (output.$case === 'started') {
        startedId = output.value.id;
        await ends.onStarted?.(output.value);
        takeInput();
      }
      if (output.$case === 'exited') outcome = { kind: 'exited', exited: output.value };
    }
    return detached && outcome.kind === 'ended' ? { kind: 'detached' } : outcome;
  } catch (error) {
    if (detached) return { kind: 'detached' };
    throw error;
  } finally {
    for (const cleanup of cleanups) cleanup();
  }
}

type Send = (input: StreamInput['input']) => Promise<unknown>;

interface InputPump {
  /** So many more bytes are with the process. */
  taken(bytes: number): void;
  /** Leaves the stream as it is, not destroyed. */
  stop(): void;
}

/** Sends what stdin yields. */
function pumpInput(stdin: Readable, send: Send, detachKeys: Buffer | undefined, detach: () => void): InputPump {
  const scanner = detachKeys === undefined ? undefined : new DetachScanner(detachKeys);
  let onTheWay = 0;
  let stopped = false;
  const onData = (chunk: Buffer) => {
    const { data, found } = scanner?.push(chunk) ?? { data: chunk, found: false };
    if (data.length > 0) void send({ $case: 'stdin', value: data });
    if (found) {
      stop();
      detach();
      return;
    }
    onTheWay += data.length;
    if (onTheWay >= STDIN_WINDOW) stdin.pause();
  };
  const onEnd = () => {
    const rest = scanner?.end();
    if (rest !== undefined && rest.length > 0) void send({ $case: 'stdin', value: rest });
    void send({ $case: 'stdinEof', value: true });
    stop();
  };
  // An input that cannot be read is an input that has ended.
  const onError = () => onEnd();
  const stop = () => {
    if (stopped) return;
    stopped = true;
    stdin.off('data', onData);
    stdin.off('end', onEnd);
    stdin.off('error', onError);
    stdin.pause();
  };
  stdin.on('end', onEnd);
  stdin.on('error', onError);
  if (stdin.readableEnded) onEnd();
  else stdin.on('data', onData);
  return {
    taken: (bytes) => {
      onTheWay -= bytes;
      if (!stopped && stdin.isPaused() && onTheWay < STDIN_WINDOW) stdin.resume();
    },
    stop,
  };
}

/** Writes, and waits where the writable is full; one that has gone takes nothing and keeps nobody waiting. */
function write(output: Writable | undefined, data: Buffer): Promise<void> | undefined {
  if (output === undefined || output.destroyed || output.write(data)) return undefined;
  return new Promise((resolve) => {
    const done = () => {
      output.off('drain', done);
      output.off('close', done);
      resolve();
    };
    output.on('drain', done);
    output.on('close', done);
  });
}
