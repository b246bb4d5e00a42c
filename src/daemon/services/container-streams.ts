/** Run, Attach and Exec: one client's bytes to and from one process. */
import { Code, K3cError, toK3cError } from '../../api/errors.ts';
import type { AttachOpen, ContainersDefinition, ExecOpen, RunOpen, StreamInput } from '../../api/gen/k3c.ts';
import type { RequestOf, ResponseInit, ServerCall } from '../../api/rpc/types.ts';
import type { ContainerEngine } from '../engine/containers/engine.ts';
import { parseSignal } from '../engine/containers/signals.ts';
import type { Attachment } from '../engine/streams/types.ts';
import { toSpec } from './spec/container.ts';
import { StdinWindow } from './stdin-window.ts';

type Run = (typeof ContainersDefinition)['methods']['run'];
export type StreamCall = ServerCall<RequestOf<Run>, ResponseInit<Run>>;

interface Target {
  readonly attachment: Attachment;
  resize(size: { readonly width: number; readonly height: number }): Promise<void>;
  kill(signal: string): Promise<void>;
  /** When it has ended, with what the client is told last. */
  readonly exited: Promise<{ readonly exitCode: number; readonly oomKilled: boolean; readonly error: string }>;
}

/**
 * Creates and starts a container. Neither is cut off when the client goes: what was begun is finished, and a container
 * without its client runs on, as docker's does.
 */
export async function runStream(engine: ContainerEngine, call: StreamCall): Promise<void> {
  const { open, inputs } = await opening(call, 'run');
  const { create, detach, stdin, stdout, stderr }: RunOpen = open;
  const attached = !detach;
  const record = await engine.create(create?.name ?? '', toSpec(create?.spec, stdin && attached));
  const created = { id: record.id, name: record.name, warnings: [...record.warnings] };
  await call.send({ output: { $case: 'created', value: created } }).catch(gone);
  const launched = await engine.start(record.id, attached ? { stdin, stdout, stderr } : undefined);
  const { live, attachment } = launched ?? {};
  await call.send({ output: { $case: 'started', value: { id: record.id, tty: record.spec.tty } } }).catch(gone);
  if (attachment === undefined || live === undefined) return;
  await bridge(call, inputs, {
    attachment,
    resize: (size) => engine.resize(live, size),
    kill: (signal) => engine.kill(record.id, signal),
    exited: live.exit,
  });
}

/** Attaches to a container that runs, or starts one with the client there from the first byte. */
export async function attachStream(engine: ContainerEngine, call: StreamCall): Promise<void> {
  const { open, inputs } = await opening(call, 'attach');
  const { container, start, stdin, stdout, stderr, logs }: AttachOpen = open;
  const record = engine.find(container);
  const wants = { stdin: stdin && record.spec.openStdin, stdout, stderr, logs };
  const launched = start ? await engine.start(record.id, wants) : undefined;
  const { live, attachment = live.io.attach(wants) } = launched ?? engine.attach(record.id, wants);
  await call.send({ output: { $case: 'started', value: { id: record.id, tty: record.spec.tty } } }).catch(gone);
  await bridge(call, inputs, {
    attachment,
    resize: (size) => engine.resize(live, size),
    kill: (signal) => engine.kill(record.id, signal),
    exited: live.exit,
  });
}

export async function execStream(engine: ContainerEngine, call: StreamCall): Promise<void> {
  const { open, inputs } = await opening(call, 'exec');
  const request: ExecOpen = open;
  const started = await engine.exec(request);
  await call.send({ output: { $case: 'started', value: { id: started.id, tty: request.tty } } }).catch(gone);
  if (request.detach) return;
  await bridge(call, inputs, {
    attachment: started.attachment,
    resize: (size) => started.resize(size),
    kill: (signal) => started.kill(parseSignal(signal)),
    exited: started.exited.then((exitCode) => ({ exitCode, oomKilled: false, error: '' })),
  });
}

type Case = 'run' | 'attach' | 'exec';
type OpenOf<C extends Case> = C extends 'run' ? RunOpen : C extends 'attach' ? AttachOpen : ExecOpen;

/** Reads the first message, which must open what the method is for. */
async function opening<C extends Case>(
  call: StreamCall,
  wanted: C,
): Promise<{ readonly open: OpenOf<C>; readonly inputs: AsyncIterator<StreamInput> }> {
  const inputs = call.requests[Symbol.asyncIterator]();
  const { value } = (await inputs.next()) as { readonly value: StreamInput | undefined };
  const target = value?.input?.$case === 'open' ? value.input.value.target : undefined;
  if (target?.$case !== wanted)
    throw new K3cError(Code.INVALID_ARGUMENT, `the first message must open ${wanted}`, { reason: 'bad-input' });
  return { open: target.value as OpenOf<C>, inputs };
}

/** Until the process has ended and all of its output was sent, or the client has gone. */
async function bridge(call: StreamCall, inputs: AsyncIterator<StreamInput>, target: Target): Promise<void> {
  const { attachment } = target;
  const leave = () => attachment.detach();
  call.signal.addEventListener('abort', leave, { once: true });
  let left = false;
  const input = feed(call, inputs, target, () => {
    left = true;
    leave();
  });
  try {
    if (call.signal.aborted) leave();
    for await (const { stream, data } of attachment.output) {
      await call.send({
        output: stream === 'stdout' ? { $case: 'stdout', value: data } : { $case: 'stderr', value: data },
      });
    }
    if (call.signal.aborted) throw new K3cError(Code.CANCELLED, 'the caller went away');
    if (left) return;
    const exit = await target.exited;
    await call.send({ output: { $case: 'exited', value: exit } });
  } finally {
    call.signal.removeEventListener('abort', leave);
    leave();
    // It ends with the call's requests; its errors were dealt with inside.
    void input;
  }
}

/**
 * Passes on what the client sends, up to its wish to leave. The end of its requests says nothing about stdin: only stdin_eof
 * ends that. Input that the process does not read is kept, up to the window that the client is told of, so that what else
 * comes is heard at once; a client that sends more than that waits.
 */
async function feed(
  call: StreamCall,
  inputs: AsyncIterator<StreamInput>,
  target: Target,
  leave: () => void,
): Promise<void> {
  const stdin = new StdinWindow(target.attachment, (bytes) =>
    call.send({ output: { $case: 'stdinTaken', value: BigInt(bytes) } }),
  );
  try {
    for (let next = await inputs.next(); next.done !== true; next = await inputs.next()) {
      const { input } = next.value;
      if (input?.$case === 'stdin') await stdin.write(input.value);
      else if (input?.$case === 'stdinEof') target.attachment.endStdin();
      // A size or a signal that comes too late, or a terminal that is gone, is no reason to end the stream.
      else if (input?.$case === 'resize') await target.resize(input.value).catch(ignoreLate);
      else if (input?.$case === 'signal') await target.kill(input.value).catch(ignoreLate);
      else if (input?.$case === 'detach') {
        leave();
        return;
      }
    }
  } catch (error) {
    // The caller went away: its call is aborted, and the output side sees it.
    if (toK3cError(error).code !== Code.CANCELLED) target.attachment.detach();
  }
}

function ignoreLate(error: unknown): void {
  const { code } = toK3cError(error);
  if (code === Code.INTERNAL) throw error;
}

/** A client that went away does not stop what it asked for. */
function gone(error: unknown): void {
  if (toK3cError(error).code !== Code.CANCELLED) throw error;
}
