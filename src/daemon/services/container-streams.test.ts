import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ContainersDefinition, type StreamInput } from '../../api/gen/k3c.ts';
import { createLocalClient } from '../../api/rpc/local.ts';
import { RpcServer } from '../../api/rpc/server.ts';
import type { Handlers } from '../../api/rpc/types.ts';
import type { ContainerEngine } from '../engine/containers/engine.ts';
import { execStream } from './container-streams.ts';

/** A client of Exec, and what reaches a process that never reads its input. */
function deafProcess() {
  const heard: string[] = [];
  const left = Promise.withResolvers<void>();
  const attachment = {
    output: {
      [Symbol.asyncIterator]: () => ({
        next: () => left.promise.then(() => ({ done: true, value: undefined })),
      }),
    },
    writeStdin: () => new Promise<void>(() => undefined),
    endStdin: () => heard.push('end of input'),
    detach: () => {
      heard.push('left');
      left.resolve();
    },
  };
  const engine = {
    exec: async () => ({
      id: 'e',
      attachment,
      resize: async ({ width, height }: { width: number; height: number }) => heard.push(`${width} x ${height}`),
      kill: async (signal: number) => heard.push(`signal ${signal}`),
      exited: new Promise<number>(() => undefined),
    }),
  } as unknown as ContainerEngine;
  const server = new RpcServer().add(ContainersDefinition, {
    exec: (call) => execStream(engine, call),
  } as Handlers<typeof ContainersDefinition>);
  return { heard, call: createLocalClient(ContainersDefinition, server).exec() };
}

test('a size, a signal and the wish to leave do not wait behind input that nobody reads', async () => {
  const { heard, call } = deafProcess();
  const send = (input: StreamInput['input']) => call.send({ input });
  void send({
    $case: 'open',
    value: { target: { $case: 'exec', value: { container: 'c', command: ['x'] } as never } },
  });
  for (let i = 0; i < 16; i++) void send({ $case: 'stdin', value: Buffer.alloc(64 << 10) });
  void send({ $case: 'resize', value: { width: 100, height: 30 } });
  void send({ $case: 'signal', value: 'TERM' });
  void send({ $case: 'detach', value: true });
  for await (const { output } of call) assert.equal(output?.$case, 'started');
  assert.deepEqual(heard.slice(0, 3), ['100 x 30', 'signal 15', 'left']);
});
