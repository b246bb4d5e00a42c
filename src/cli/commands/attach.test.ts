import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { cli, FakeStreamCall, runOn, TestHost } from '../../../test/support/cli.ts';
import { Code, K3cError } from '../../api/errors.ts';
import type { StreamInput, StreamOutput } from '../../api/gen/k3c.ts';

type Script = (call: FakeStreamCall) => AsyncGenerator<StreamOutput['output']>;

const started = { $case: 'started', value: { id: 'x', tty: false } } as const;
const exited = (exitCode: number) => ({ $case: 'exited', value: { exitCode, oomKilled: false, error: '' } }) as const;

const endsWith = (exitCode: number): Script =>
  async function* () {
    yield started;
    yield { $case: 'stdout', value: Buffer.from('out') };
    yield exited(exitCode);
  };

function client(script: Script, state: { tty?: boolean; stdin?: boolean; running?: boolean; paused?: boolean } = {}) {
  const calls: FakeStreamCall[] = [];
  const call = () => {
    calls.push(new FakeStreamCall(script));
    return calls.at(-1);
  };
  const document = {
    Config: { Tty: state.tty ?? false, OpenStdin: state.stdin ?? false },
    State: { Running: state.running ?? true, Paused: state.paused ?? false, Restarting: false },
  };
  const inspect = () => Promise.resolve({ document: Buffer.from(JSON.stringify(document)) });
  return { calls, containers: { attach: call, exec: call, inspect } };
}

function target(call: FakeStreamCall | undefined): unknown {
  const input: StreamInput['input'] = call?.inputs[0];
  assert.ok(input?.$case === 'open');
  return input.value.target?.value;
}

describe('attach', () => {
  test('shows output and exits with the container’s code', async () => {
    const fake = client(endsWith(5));
    const { code, out } = await cli(['attach', 'web'], { client: fake });
    assert.deepEqual([code, out], [5, 'out']);
    const streams = { stdin: false, stdout: true, stderr: true };
    assert.deepEqual(target(fake.calls[0]), { container: 'web', start: false, logs: false, ...streams });
  });

  test('refuses a container that does not run', async () => {
    const stopped = await cli(['attach', 'web'], { client: client(endsWith(0), { running: false }) });
    assert.deepEqual([stopped.code, stopped.err], [1, 'cannot attach to a stopped container, start it first\n']);
    const paused = await cli(['attach', 'web'], { client: client(endsWith(0), { paused: true }) });
    assert.deepEqual([paused.code, paused.err], [1, 'cannot attach to a paused container, unpause it first\n']);
  });

  test('is left by other keys, and makes the screen be drawn anew', async () => {
    const stdin = new PassThrough();
    const host = new TestHost({ stdin, tty: { stdin: true, stdout: true }, size: { columns: 80, rows: 24 } });
    const fake = client(
      async function* (call) {
        yield started;
        stdin.write('\x10\x11z');
        await call.seen((inputs) => inputs.at(-1)?.$case === 'detach');
      },
      { tty: true, stdin: true },
    );
    assert.equal(await runOn(host, ['attach', '--detach-keys', 'z', 'web'], fake), 1);
    assert.equal(host.err.toString(), 'read escape sequence\n');
    assert.deepEqual(host.modes, ['raw', 'cooked']);
    const sizes = fake.calls[0]?.inputs.filter((input) => input?.$case === 'resize').map((input) => input.value);
    assert.deepEqual(sizes, [
      { width: 81, height: 25 },
      { width: 80, height: 24 },
    ]);
    assert.equal(fake.calls[0]?.stdin.toString(), '\x10\x11');
  });

  test('--no-stdin keeps stdin out of it', async () => {
    const fake = client(endsWith(0), { stdin: true });
    await cli(['attach', '--no-stdin', 'web'], { client: fake });
    assert.equal((target(fake.calls[0]) as { stdin: boolean }).stdin, false);
  });
});

describe('start', () => {
  test('-a attaches before it starts', async () => {
    const fake = client(endsWith(9), { stdin: true });
    const { code, out } = await cli(['start', '-a', 'web'], { client: fake });
    assert.deepEqual([code, out], [9, 'out']);
    assert.deepEqual(target(fake.calls[0]), {
      container: 'web',
      start: true,
      logs: false,
      stdin: false,
      stdout: true,
      stderr: true,
    });
  });
  test('-a takes one container', async () => {
    const { code, err } = await cli(['start', '-a', 'a', 'b']);
    assert.deepEqual([code, err], [1, 'you cannot start and attach multiple containers at once\n']);
  });
});

describe('exec', () => {
  test('runs a command with its flags', async () => {
    const fake = client(endsWith(7));
    const argv = [
      'exec',
      '-i',
      '-e',
      'A=1',
      '-e',
      'B',
      '-w',
      '/srv',
      '-u',
      'nobody',
      '--privileged',
      'web',
      'ls',
      '-l',
    ];
    const { code, out } = await cli(argv, { client: fake, env: { B: '2' } });
    assert.deepEqual([code, out], [7, 'out']);
    assert.deepEqual(target(fake.calls[0]), {
      container: 'web',
      command: ['ls', '-l'],
      env: ['A=1', 'B=2'],
      workingDir: '/srv',
      user: 'nobody',
      tty: false,
      stdin: true,
      detach: false,
      privileged: true,
      size: undefined,
    });
  });
  test('-t has the size of the terminal', async () => {
    const fake = client(endsWith(0));
    await cli(['exec', '-t', 'web', 'sh'], { client: fake, tty: { stdout: true }, size: { columns: 80, rows: 24 } });
    assert.deepEqual((target(fake.calls[0]) as { size: object }).size, { width: 80, height: 24 });
  });
  test('-d waits for nothing', async () => {
    const fake = client(async function* () {
      yield started;
    });
    assert.equal((await cli(['exec', '-d', '-i', 'web', 'sh'], { client: fake })).code, 0);
    const { stdin, detach } = target(fake.calls[0]) as { stdin: boolean; detach: boolean };
    assert.deepEqual([stdin, detach], [false, true]);
  });
  test('fails with 126 and 127 only where the command is at fault', async () => {
    const failing = (reason: 'command-not-found' | 'container-not-found') =>
      client(async function* () {
        yield* [];
        throw new K3cError(Code.NOT_FOUND, 'No such thing', { reason, remote: true });
      });
    const command = await cli(['exec', 'web', 'nosuch'], { client: failing('command-not-found') });
    assert.deepEqual([command.code, command.err], [127, 'Error response from daemon: No such thing\n']);
    const container = await cli(['exec', 'web', 'ls'], { client: failing('container-not-found') });
    assert.equal(container.code, 1);
  });
});
