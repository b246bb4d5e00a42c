import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { cli, FakeStreamCall, runOn, TestHost } from '../../../test/support/cli.ts';
import { Code, K3cError, type Reason } from '../../api/errors.ts';
import { NetworkOptions, Resources, type RunOpen, type StreamOutput } from '../../api/gen/k3c.ts';

const ID = 'c0ffee'.padEnd(64, '0');
const created: StreamOutput['output'] = { $case: 'created', value: { id: ID, name: 'n', warnings: ['no swap'] } };
const started = { $case: 'started', value: { id: ID, tty: false } } as const;
const exited = (exitCode: number, error = '') =>
  ({ $case: 'exited', value: { exitCode, oomKilled: false, error } }) as const;

type Script = (call: FakeStreamCall) => AsyncGenerator<StreamOutput['output']>;

/** A client whose `run` follows scripts, one a call. */
function runner(...scripts: Script[]) {
  const calls: FakeStreamCall[] = [];
  const run = () => {
    const call = new FakeStreamCall(scripts[calls.length] ?? simple(0));
    calls.push(call);
    return call;
  };
  return { calls, containers: { run } };
}

const simple = (exitCode: number): Script =>
  async function* () {
    yield created;
    yield started;
    yield { $case: 'stdout', value: Buffer.from([0, 255, 10]) };
    yield { $case: 'stderr', value: Buffer.from('e') };
    yield exited(exitCode);
  };

function opened(call: FakeStreamCall | undefined): RunOpen {
  const [input] = call?.inputs ?? [];
  assert.ok(input?.$case === 'open' && input.value.target?.$case === 'run');
  return input.value.target.value;
}

test('output is passed through byte by byte, the exit code is the container’s', async () => {
  const client = runner(simple(42));
  const { code, stdout, err } = await cli(['run', 'img', 'ls', '-l', '--rm'], { client });
  assert.equal(code, 42);
  assert.deepEqual([...stdout], [0, 255, 10]);
  assert.equal(err, 'WARNING: no swap\ne');
  const { create, detach, stdin, stdout: out, stderr } = opened(client.calls[0]);
  assert.deepEqual([detach, stdin, out, stderr], [false, false, true, true]);
  assert.deepEqual([create?.spec?.image, create?.spec?.command], ['img', ['ls', '-l', '--rm']]);
});

test('every flag reaches the daemon', async () => {
  const client = runner(simple(0));
  const flags =
    '-it --name web --rm -e A=1 -e HOME -e GONE -p 127.0.0.1:8080:80 -p 5353:53/udp -v data:/d -v ./x:/x:ro --mount type=tmpfs,target=/t --tmpfs /u -w /srv -u 1:2 --network host -m 64m --cpus 1.5 --restart on-failure:3 --hostname h -l a=b -l c --privileged --read-only --init --stop-signal SIGINT --stop-timeout 3 --annotation x=y --pull never';
  // --rm excludes a restart policy; each is tried on its own.
  const argv = flags.split(' ').filter((flag) => flag !== '--rm');
  const options = {
    client,
    env: { HOME: '/root' },
    tty: { stdin: true, stdout: true },
    size: { columns: 80, rows: 24 },
  };
  const { code, err } = await cli(['run', ...argv, '--entrypoint', '', 'img', 'sh'], options);
  assert.deepEqual([code, err], [0, 'WARNING: no swap\ne']);
  const mount = {
    readOnly: false,
    propagation: '',
    mustExist: false,
    tmpfsOptions: '',
    noCopy: false,
    relabel: false,
    volumeDriver: '',
    volumeOptions: {},
    volumeLabels: {},
    volumeSubpath: '',
    bindRecursive: '',
  };
  assert.deepEqual(opened(client.calls[0]).create, {
    name: 'web',
    spec: {
      image: 'img',
      command: ['sh'],
      entrypoint: { values: [] },
      env: ['A=1', 'HOME=/root'],
      workingDir: '/srv',
      user: '1:2',
      hostname: 'h',
      tty: true,
      openStdin: true,
      labels: { a: 'b', c: '' },
      ports: [
        { hostIp: '127.0.0.1', hostPort: 8080, containerPort: 80, protocol: 'tcp', hostPortEnd: 0 },
        { hostIp: '', hostPort: 5353, containerPort: 53, protocol: 'udp', hostPortEnd: 0 },
      ],
      mounts: [
        { ...mount, type: 'volume', source: 'data', target: '/d' },
        { ...mount, type: 'bind', source: '/work/x', target: '/x', readOnly: true },
        { ...mount, type: 'tmpfs', source: '', target: '/t' },
        { ...mount, type: 'tmpfs', source: '', target: '/u' },
      ],
      networkMode: 'host',
      restart: { name: 'on-failure', maximumRetryCount: 3 },
      autoRemove: false,
      resources: Resources.fromPartial({ memoryBytes: 64n << 20n, nanoCpus: 1_500_000_000n }),
      stopSignal: 'SIGINT',
      stopTimeout: 3,
      privileged: true,
      readOnly: true,
      init: true,
      consoleHeight: 24,
      consoleWidth: 80,
      annotations: { x: 'y' },
      security: undefined,
      isolation: undefined,
      network: NetworkOptions.fromPartial({}),
      health: undefined,
      volumesFrom: [],
      platform: '',
      pod: '',
      log: undefined,
    },
  });
});

describe('the configuration of docker', () => {
  /** A user with this config.json. */
  const user = async (t: TestContext, config: string) => {
    const directory = await mkdtemp(join(tmpdir(), 'k3c-run-config-'));
    t.after(() => rm(directory, { recursive: true, force: true }));
    await writeFile(join(directory, 'config.json'), config);
    return { DOCKER_CONFIG: directory };
  };

  test('its proxies are variables of the container, behind files and before -e', async (t) => {
    const env = await user(t, '{"proxies":{"default":{"httpProxy":"http://p:1","noProxy":"a"}}}');
    await writeFile(join(env.DOCKER_CONFIG, 'vars'), 'HTTP_PROXY=file\n');
    const client = runner(simple(0));
    const argv = ['run', '-e', 'no_proxy=b', '--env-file', join(env.DOCKER_CONFIG, 'vars'), 'img'];
    assert.equal((await cli(argv, { client, env })).code, 0);
    assert.deepEqual(opened(client.calls[0]).create?.spec?.env, [
      'HTTP_PROXY=file',
      'HTTP_PROXY=http://p:1',
      'http_proxy=http://p:1',
      'NO_PROXY=a',
      'no_proxy=b',
    ]);
  });

  test('one that is wrong is told of once, without its secrets, and the container runs', async (t) => {
    const env = await user(t, '{"auths":{"x":{"auth":"hunter2"');
    const client = runner(simple(3));
    const terminal = { stdin: true, stdout: true, stderr: true };
    const { code, err } = await cli(['run', '-it', 'img'], { client, env, tty: terminal });
    assert.equal(code, 3);
    assert.match(err, /^WARNING: Error loading config file: \S+config\.json is not valid JSON\n(?!.*WARNING: Error)/s);
    assert.doesNotMatch(err, /hunter2/);
  });
});

test('-d prints the full id and waits for nothing', async () => {
  const client = runner(async function* () {
    yield created;
    yield started;
  });
  const { code, out } = await cli(['run', '-d', '--rm', 'img'], { client });
  assert.deepEqual([code, out], [0, `${ID}\n`]);
  const { detach, stdin, stdout, create } = opened(client.calls[0]);
  assert.deepEqual([detach, stdin, stdout, create?.spec?.autoRemove], [true, false, false, true]);
});

test('piped input is sent, and its end', async () => {
  const client = runner(async function* (call) {
    yield created;
    yield started;
    await call.seen((inputs) => inputs.some((input) => input?.$case === 'stdinEof'));
    yield { $case: 'stdout', value: call.stdin };
    yield exited(0);
  });
  const stdin = new PassThrough();
  stdin.end('x\n');
  const { code, out } = await cli(['run', '-i', 'img', 'cat'], { client, stdin });
  assert.deepEqual([code, out], [0, 'x\n']);
});

describe('a failure exits with', () => {
  const cases: [Reason | undefined, number][] = [
    [undefined, 125],
    ['name-in-use', 125],
    ['command-not-invocable', 126],
    ['command-not-found', 127],
  ];
  for (const [reason, code] of cases) {
    test(`${code} for ${reason}`, async () => {
      const client = runner(async function* () {
        yield created;
        throw new K3cError(Code.FAILED_PRECONDITION, 'it went wrong', { reason, remote: true });
      });
      const result = await cli(['run', 'img'], { client });
      assert.equal(result.code, code);
      assert.equal(
        result.err,
        "WARNING: no swap\nk3c: Error response from daemon: it went wrong\n\nRun 'k3c run --help' for more information\n",
      );
    });
  }
});

describe('an image that is not there', () => {
  const missing: Script = async function* () {
    yield* [];
    throw new K3cError(Code.NOT_FOUND, 'No such image: busybox:latest', { reason: 'image-not-found', remote: true });
  };
  const pulling = (pulled: string[]) => ({
    async *pull(request: { reference: string }) {
      pulled.push(request.reference);
      yield { event: { $case: 'status', value: 'latest: Pulling from library/busybox' } };
      yield { event: { $case: 'layer', value: { id: 'aaa', status: 'Pull complete', current: 1n, total: 1n } } };
      yield { event: { $case: 'done', value: { reference: 'docker.io/library/busybox:latest', digest: 'sha256:1' } } };
    },
  });

  test('is pulled, told on stderr, and run', async () => {
    const pulled: string[] = [];
    const client = { ...runner(missing, simple(0)), images: pulling(pulled) };
    const { code, stdout, err } = await cli(['run', 'busybox'], { client });
    assert.deepEqual([code, [...stdout], pulled], [0, [0, 255, 10], ['busybox']]);
    assert.equal(
      err,
      "Unable to find image 'busybox:latest' locally\nlatest: Pulling from library/busybox\naaa: Pull complete\n" +
        'Digest: sha256:1\nStatus: Downloaded newer image for busybox:latest\nWARNING: no swap\ne',
    );
  });

  test('is pulled silently with -q', async () => {
    const client = { ...runner(missing, simple(0)), images: pulling([]) };
    const { code, err } = await cli(['run', '-q', 'busybox'], { client });
    assert.deepEqual([code, err], [0, 'WARNING: no swap\ne']);
  });

  test('is not pulled with --pull never', async () => {
    const { code, err } = await cli(['run', '--pull', 'never', 'busybox'], { client: runner(missing) });
    assert.equal(code, 125);
    assert.match(err, /^k3c: Error response from daemon: No such image: busybox:latest\n/);
  });

  test('is pulled first with --pull always', async () => {
    const pulled: string[] = [];
    const client = { ...runner(simple(0)), images: pulling(pulled) };
    await cli(['run', '--pull', 'always', 'busybox'], { client });
    assert.deepEqual([pulled, client.calls.length], [['busybox'], 1]);
  });
});

test('under a terminal the mode is raw while the process runs, sizes follow, detach keys leave', async () => {
  const stdin = new PassThrough();
  const host = new TestHost({ stdin, tty: { stdin: true, stdout: true }, size: { columns: 80, rows: 24 } });
  const client = runner(async function* (call) {
    yield created;
    assert.deepEqual(host.modes, []);
    yield started;
    await call.seen((inputs) => inputs.some((input) => input?.$case === 'resize'));
    assert.deepEqual(host.modes, ['raw']);
    host.resize({ columns: 100, rows: 30 });
    await call.seen((inputs) => inputs.filter((input) => input?.$case === 'resize').length === 2);
    stdin.write('a\x10\x11');
    await call.seen((inputs) => inputs.at(-1)?.$case === 'detach');
  });
  assert.equal(await runOn(host, ['run', '-it', 'img'], client), 0);
  assert.deepEqual(host.modes, ['raw', 'cooked']);
  assert.equal(host.listeners, 0);
  const [call] = client.calls;
  assert.equal(call?.stdin.toString(), 'a');
  assert.deepEqual(
    call?.inputs.filter((input) => input?.$case === 'resize').map((input) => input.value),
    [
      { width: 80, height: 24 },
      { width: 100, height: 30 },
    ],
  );
});

test('signals go to the process, past input that it does not read, and the command lives on', async () => {
  const host = new TestHost({});
  const killed = Promise.withResolvers<object>();
  const client = runner(async function* () {
    yield created;
    yield started;
    await Promise.resolve();
    host.kill('SIGINT');
    await killed.promise;
    yield exited(130);
  });
  const kill = (request: object) => Promise.resolve(killed.resolve(request));
  const containers = Object.assign(client.containers, { kill });
  assert.equal(await runOn(host, ['run', 'img'], { ...client, containers }), 130);
  assert.deepEqual(await killed.promise, { container: ID, signal: 'SIGINT' });
  assert.equal(host.signal.aborted, false);
});

test('with --sig-proxy=false a signal ends the command', async () => {
  const host = new TestHost({});
  const client = {
    containers: {
      run({ signal }: { signal: AbortSignal }) {
        const call = new FakeStreamCall(async function* (self) {
          yield created;
          yield started;
          host.kill('SIGTERM');
          await self.seen(() => false);
        });
        signal.addEventListener('abort', () => call.cancel());
        return call;
      },
    },
  };
  assert.equal(await runOn(host, ['run', '--sig-proxy=false', 'img'], client), 143);
});

describe('--cidfile', () => {
  test('holds the id', async (t) => {
    const cwd = await mkdtemp(join(tmpdir(), 'k3c-cid-'));
    t.after(() => rm(cwd, { recursive: true }));
    const { code } = await cli(['run', '--cidfile', 'id', 'img'], { client: runner(simple(0)), cwd });
    assert.deepEqual([code, await readFile(join(cwd, 'id'), 'utf8')], [0, ID]);
    const again = await cli(['run', '--cidfile', 'id', 'img'], { client: runner(simple(0)), cwd });
    assert.equal(again.code, 125);
    assert.match(again.err, /container ID file found/);
  });
  test('is gone when nothing was created', async (t) => {
    const cwd = await mkdtemp(join(tmpdir(), 'k3c-cid-'));
    t.after(() => rm(cwd, { recursive: true }));
    const client = runner(async function* () {
      yield* [];
      throw new K3cError(Code.INTERNAL, 'no', { remote: true });
    });
    await cli(['run', '--cidfile', 'id', 'img'], { client, cwd });
    await assert.rejects(stat(join(cwd, 'id')), { code: 'ENOENT' });
  });
});

test('create makes a container and prints its id', async () => {
  const asked: unknown[] = [];
  const create = (request: unknown) => {
    asked.push(request);
    return Promise.resolve({ id: ID, name: 'n', warnings: [] });
  };
  const { code, out } = await cli(['create', '--name', 'n', 'img', 'sh'], { client: { containers: { create } } });
  assert.deepEqual([code, out, asked.length], [0, `${ID}\n`, 1]);
});
