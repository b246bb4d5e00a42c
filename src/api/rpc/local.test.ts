import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, type K3cError as Failure, hasCode, K3cError } from '../errors.ts';
import { ContainersDefinition, type StreamInput } from '../gen/k3c.ts';
import { createLocalClient } from './local.ts';
import { RpcServer } from './server.ts';
import type { Handlers } from './types.ts';

type All = Handlers<typeof ContainersDefinition>;

/** A client of a server with these handlers alone, and the errors that the server was told of. */
function local(handlers: Partial<All>) {
  const reported: string[] = [];
  const server = new RpcServer((path, error) => reported.push(`${path} ${error.message}`));
  server.add(ContainersDefinition, handlers as All);
  return { client: createLocalClient(ContainersDefinition, server), reported };
}

describe('a call within the process', () => {
  test('has all fields on both sides, and shares bytes', async () => {
    const data = Buffer.from('bytes');
    let request: unknown;
    const { client } = local({
      create: async (message) => {
        request = message;
        return { id: 'i' };
      },
      exec: async (call) => call.send({ output: { $case: 'stdout', value: data } }),
    });
    assert.deepEqual(await client.create({ name: 'n' }), { id: 'i', name: '', warnings: [] });
    assert.deepEqual(request, { name: 'n', spec: undefined });
    for await (const { output } of client.exec()) assert.equal(output?.$case === 'stdout' && output.value, data);
  });

  test('fails as over a connection: code, sentence, reason and hint', async () => {
    const thrown = new K3cError(Code.NOT_FOUND, 'No such container: x', { reason: 'container-not-found', hint: 'h' });
    const { client, reported } = local({ stop: () => Promise.reject(thrown) });
    await assert.rejects(client.stop({ container: 'x' }), ({ code, message, reason, hint }: Failure) => {
      assert.deepEqual(
        [code, message, reason, hint],
        [Code.NOT_FOUND, 'No such container: x', 'container-not-found', 'h'],
      );
      return true;
    });
    assert.deepEqual(reported, ['/k3c.v1.Containers/Stop No such container: x']);
    await assert.rejects(client.kill({}), (error) => hasCode(error, Code.UNIMPLEMENTED));
  });

  test('delivers what was sent before an error', async () => {
    const { client } = local({
      run: async (call) => {
        await call.send({ output: { $case: 'stdout', value: Buffer.from('a') } });
        throw new K3cError(Code.ABORTED, 'no more');
      },
    });
    const seen: unknown[] = [];
    await assert.rejects(
      async () => {
        for await (const { output } of client.run()) seen.push(output?.$case);
      },
      (error) => hasCode(error, Code.ABORTED),
    );
    assert.deepEqual(seen, ['stdout']);
  });

  test('holds a sender whose reader is slow, either way', async () => {
    let sent = 0;
    const { client } = local({
      run: async (call) => {
        for (; sent < 100; sent++) await call.send({ output: { $case: 'stdout', value: Buffer.from([sent]) } });
        // Nothing of the requests is read.
        await sleep(10);
      },
    });
    const call = client.run();
    await sleep(5);
    assert.ok(sent < 10, `${sent} were sent to nobody`);
    let room = 0;
    const filling = (async () => {
      for (; room < 100; room++) await call.send({ input: { $case: 'stdin', value: Buffer.from('x') } });
    })();
    await sleep(5);
    assert.ok(room < 10, `${room} were taken by nobody`);
    let count = 0;
    for await (const { output } of call) assert.equal(output?.$case === 'stdout' && output.value[0], count++);
    assert.equal(count, 100);
    // The call is over: nobody waits for ever.
    await assert.rejects(filling, (error) => hasCode(error, Code.CANCELLED));
  });

  test('a caller that leaves, cancels or is too late aborts the handler, and its requests', async () => {
    const ends: (readonly [string, (client: ReturnType<typeof local>['client']) => Promise<unknown>, number])[] = [
      [
        'leaves',
        async (client) => {
          for await (const _ of client.run()) break;
        },
        Code.CANCELLED,
      ],
      [
        'cancels',
        async (client) => {
          const cancel = new AbortController();
          setTimeout(() => cancel.abort(), 5);
          await assert.rejects(
            async () => {
              for await (const _ of client.run({ signal: cancel.signal }));
            },
            (error) => hasCode(error, Code.CANCELLED),
          );
        },
        Code.CANCELLED,
      ],
      [
        'is too late',
        (client) =>
          assert.rejects(
            async () => {
              for await (const _ of client.run({ timeoutMs: 5 }));
            },
            (error) => hasCode(error, Code.DEADLINE_EXCEEDED),
          ),
        Code.DEADLINE_EXCEEDED,
      ],
    ];
    for (const [what, leave, code] of ends) {
      const ended = Promise.withResolvers<unknown[]>();
      const { client } = local({
        run: async (call) => {
          await call.send({ output: { $case: 'started', value: {} } });
          const inputs: StreamInput[] = [];
          const reading = (async () => {
            for await (const input of call.requests) inputs.push(input);
          })().catch((error: unknown) => error);
          ended.resolve([(await reading) as unknown, call.signal.reason]);
        },
      });
      await leave(client);
      const [read, reason] = await ended.promise;
      assert.ok(hasCode(read, Code.CANCELLED), what);
      assert.ok(hasCode(reason, code as never), what);
    }
  });

  test('requests may be read in two parts, and end with the half-close', async () => {
    const { client } = local({
      run: async (call) => {
        const first = await call.requests[Symbol.asyncIterator]().next();
        let rest = 0;
        for await (const _ of call.requests) rest++;
        await call.send({ output: { $case: 'started', value: { id: `${first.done} ${rest}` } } });
      },
    });
    const call = client.run();
    for (let i = 0; i < 3; i++) void call.send({});
    call.end();
    for await (const { output } of call) assert.equal(output?.$case === 'started' && output.value.id, 'false 2');
  });
});
