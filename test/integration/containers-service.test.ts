/** k3c.v1.Containers over HTTP/2 on a real containerd: what a client sees, and what is left when it goes away. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { K3cError } from '../../src/api/errors.ts';
import { ContainersDefinition, type StreamOutput } from '../../src/api/gen/k3c.ts';
import { Connection, createClient } from '../../src/api/rpc/client.ts';
import { RpcServer } from '../../src/api/rpc/server.ts';
import type { BidiCall, Client, RequestInit } from '../../src/api/rpc/types.ts';
import { containersService } from '../../src/daemon/services/containers.ts';
import { type Daemon, type Rig, startRig, tearDown } from '../support/container-rig.ts';
import { BUSYBOX_IMAGE } from '../support/engine.ts';

type Input = RequestInit<(typeof ContainersDefinition)['methods']['run']>;

suite('k3c.v1.Containers', { timeout: 120_000 }, () => {
  let rig: Rig;
  let daemon: Daemon;
  let server: Http2Server;
  let connection: Connection;
  let client: Client<typeof ContainersDefinition>;
  before(async () => {
    rig = await startRig({ name: 'k3ct68', subnet: '10.68.0.0/16' });
    daemon = await rig.boot();
    const rpc = new RpcServer().add(ContainersDefinition, containersService(daemon.engine));
    server = createServer();
    server.on('stream', (stream: ServerHttp2Stream, _headers, _flags, rawHeaders) => rpc.handle(stream, rawHeaders));
    server.listen(join(rig.base, 'k.sock'));
    await once(server, 'listening');
    connection = connect();
    client = createClient(ContainersDefinition, connection);
  });
  after(async () => {
    connection.close();
    server.close();
    await tearDown(rig, daemon);
  });
  const connect = () => Connection.unix(join(rig.base, 'k.sock'));

  const run = (
    command: string[],
    over: { tty?: boolean; stdin?: boolean; rm?: boolean; detach?: boolean; name?: string } = {},
  ): Input => ({
    input: {
      $case: 'open',
      value: {
        target: {
          $case: 'run',
          value: {
            create: {
              name: over.name ?? '',
              spec: {
                image: BUSYBOX_IMAGE,
                command,
                tty: over.tty ?? false,
                openStdin: over.stdin ?? false,
                autoRemove: over.rm ?? true,
              },
            },
            detach: over.detach ?? false,
            stdin: over.stdin ?? false,
            stdout: true,
            stderr: true,
          },
        },
      },
    },
  });
  const collect = async (call: BidiCall<Input, StreamOutput>) => {
    const seen = { id: '', order: [] as string[], stdout: [] as Buffer[], stderr: [] as Buffer[], exitCode: -1 };
    for await (const { output } of call) {
      if (output === undefined) continue;
      if (seen.order.at(-1) !== output.$case) seen.order.push(output.$case);
      if (output.$case === 'created') seen.id = output.value.id;
      else if (output.$case === 'stdout') seen.stdout.push(output.value);
      else if (output.$case === 'stderr') seen.stderr.push(output.value);
      else if (output.$case === 'exited') seen.exitCode = output.value.exitCode;
    }
    return { ...seen, stdout: Buffer.concat(seen.stdout), stderr: Buffer.concat(seen.stderr) };
  };

  test('run: created, started, bytes, exited', async () => {
    const call = client.run();
    await call.send(run(['sh', '-c', 'echo out; echo err >&2; exit 3']));
    const seen = await collect(call);
    assert.deepEqual([seen.order[0], seen.order[1], seen.order.at(-1)], ['created', 'started', 'exited']);
    assert.deepEqual([String(seen.stdout), String(seen.stderr), seen.exitCode], ['out\n', 'err\n', 3]);
    await assert.rejects(
      client.inspect({ container: seen.id }),
      (error: K3cError) => error.reason === 'container-not-found',
    );
  });

  test('twenty runs in a row lose nothing', async () => {
    for (let i = 0; i < 20; i++) {
      const call = client.run();
      await call.send(run(['echo', `hi ${i}`]));
      const seen = await collect(call);
      assert.deepEqual([String(seen.stdout), seen.exitCode], [`hi ${i}\n`, 0]);
    }
  });

  test('stdin goes in and comes out byte by byte, and its end ends cat', async () => {
    const call = client.run();
    await call.send(run(['cat'], { stdin: true }));
    const data = randomBytes(5 << 20);
    const seen = collect(call);
    for (let at = 0; at < data.length; at += 64 << 10)
      await call.send({ input: { $case: 'stdin', value: data.subarray(at, at + (64 << 10)) } });
    await call.send({ input: { $case: 'stdinEof', value: true } });
    const { stdout, exitCode } = await seen;
    const sum = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    assert.deepEqual([exitCode, stdout.length, sum(stdout)], [0, data.length, sum(data)]);
  });

  test('a terminal has the size it is given, and changes it', async () => {
    const call = client.run();
    await call.send(
      run(['sh', '-c', 'trap "stty size; exit" WINCH; echo ready; while true; do sleep 0.05; done'], {
        tty: true,
        stdin: true,
      }),
    );
    const seen = collect(call);
    await sleep(700);
    await call.send({ input: { $case: 'resize', value: { width: 101, height: 31 } } });
    assert.match(String((await seen).stdout), /ready\r\n31 101\r\n/);
  });

  test('a signal of the client reaches the process', async () => {
    const call = client.run();
    await call.send(run(['sh', '-c', 'trap "exit 9" INT; echo ready; while true; do sleep 0.05; done']));
    const seen = collect(call);
    await sleep(700);
    await call.send({ input: { $case: 'signal', value: 'INT' } });
    assert.equal((await seen).exitCode, 9);
  });

  test('a command that is not there: docker words, the reason, and with --rm nothing is left', async () => {
    const call = client.run();
    await call.send(run(['nosuch'], { name: 'fails' }));
    await assert.rejects(
      collect(call),
      (error: K3cError) =>
        error.reason === 'command-not-found' && /executable file not found in \$PATH/.test(error.message),
    );
    await assert.rejects(client.inspect({ container: 'fails' }), { message: 'No such container: fails' });
  });

  test('a client that vanishes leaves its container running; one that attaches later sees the log first', async () => {
    const other = connect();
    const call = createClient(ContainersDefinition, other).run();
    await call.send(
      run(['sh', '-c', 'for i in 1 2 3; do echo line $i; sleep 0.4; done; exit 8'], { name: 'left', rm: false }),
    );
    for await (const { output } of call) if (output?.$case === 'stdout') break;
    other.close();
    await sleep(200);
    assert.equal(daemon.engine.find('left').state, 'running');
    const again = client.attach();
    await again.send({
      input: {
        $case: 'open',
        value: {
          target: {
            $case: 'attach',
            value: { container: 'left', start: false, stdin: false, stdout: true, stderr: true, logs: true },
          },
        },
      },
    });
    const seen = await collect(again);
    assert.deepEqual([String(seen.stdout), seen.exitCode], ['line 1\nline 2\nline 3\n', 8]);
  });

  test('a client that vanishes while its container is made leaves no half of it', async () => {
    const other = connect();
    const call = createClient(ContainersDefinition, other).run();
    await call.send(run(['sleep', '1000'], { name: 'sudden', rm: false, detach: true }));
    for await (const { output } of call) if (output?.$case === 'created') break;
    other.close();
    assert.notEqual(daemon.engine.find('sudden').state, 'running', 'the start is still under way');
    for (let i = 0; i < 100; i++) {
      const { containers } = await client.list({ all: true, filters: { name: { values: ['sudden'] } } });
      if (containers[0]?.state === 'running') break;
      await sleep(50);
    }
    assert.equal(daemon.engine.find('sudden').state, 'running');
    await client.remove({ container: 'sudden', force: true, volumes: true });
  });

  test('exec, its exit code, and its errors', async () => {
    await collectRun(run(['sleep', '1000'], { name: 'host', rm: false, detach: true }));
    const exec = async (command: string[], stdin?: string) => {
      const call = client.exec();
      await call.send({
        input: {
          $case: 'open',
          value: { target: { $case: 'exec', value: { container: 'host', command, stdin: stdin !== undefined } } },
        },
      });
      const seen = collect(call);
      if (stdin !== undefined) {
        await call.send({ input: { $case: 'stdin', value: Buffer.from(stdin) } });
        await call.send({ input: { $case: 'stdinEof', value: true } });
      }
      return await seen;
    };
    const seen = await exec(['sh', '-c', 'echo out; echo err >&2; exit 4']);
    assert.deepEqual([String(seen.stdout), String(seen.stderr), seen.exitCode], ['out\n', 'err\n', 4]);
    assert.equal(String((await exec(['cat'], 'through')).stdout), 'through');
    await assert.rejects(exec(['nosuch']), (error: K3cError) => error.reason === 'command-not-found');
    await client.stop({ container: 'host', timeout: 0 });
    await assert.rejects(exec(['true']), (error: K3cError) => error.reason === 'container-not-running');
  });

  test('logs follow until the container ends; wait answers with its exit code', async () => {
    await collectRun(
      run(['sh', '-c', 'for i in 1 2 3 4; do echo $i; sleep 0.2; done; exit 2'], {
        name: 'talks',
        rm: false,
        detach: true,
      }),
    );
    const waiting = client.wait({ container: 'talks' });
    let text = '';
    for await (const { runs } of client.logs({ container: 'talks', follow: true, stdout: true, stderr: true }))
      text += runs.map(({ data }) => String(data)).join('');
    assert.equal(text, '1\n2\n3\n4\n');
    assert.equal((await waiting).exitCode, 2);
    let tail = '';
    for await (const { runs } of client.logs({ container: 'talks', tail: 2n, stdout: true, stderr: true }))
      tail += runs.map(({ data }) => String(data)).join('');
    assert.equal(tail, '3\n4\n');
  });

  test('list and inspect', async () => {
    const { containers } = await client.list({ all: true, filters: { name: { values: ['talks'] } } });
    const [only] = containers;
    assert.deepEqual(
      [containers.length, only?.name, only?.state, only?.exitCode, only?.command.startsWith('sh -c')],
      [1, 'talks', 'exited', 2, true],
    );
    const document = JSON.parse(String((await client.inspect({ container: 'talks' })).document));
    assert.deepEqual([document.Name, document.State.ExitCode, document.Config.Cmd[0]], ['/talks', 2, 'sh']);
  });

  async function collectRun(input: Input) {
    const call = client.run();
    await call.send(input);
    return await collect(call);
  }
});
