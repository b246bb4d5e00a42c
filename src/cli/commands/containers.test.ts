import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cli } from '../../../test/support/cli.ts';
import { Code, K3cError } from '../../api/errors.ts';
import { type ContainerSummary, type LogBatch, Mount } from '../../api/gen/k3c.ts';

const notFound = (name: string) =>
  new K3cError(Code.NOT_FOUND, `No such container: ${name}`, { reason: 'container-not-found', remote: true });

/** A method that knows `a` and `b`, and keeps what it was asked. */
function knowing(asked: unknown[], answer: object = {}) {
  return (request: { container: string }) => {
    asked.push(request);
    return ['a', 'b'].includes(request.container)
      ? Promise.resolve(answer)
      : Promise.reject(notFound(request.container));
  };
}

describe('several containers', () => {
  const cases: [argv: string[], method: string, request: object][] = [
    [['start', 'a'], 'start', {}],
    [['stop', 'a'], 'stop', { timeout: undefined, signal: '' }],
    [['stop', '-t', '3', '-s', 'INT', 'a'], 'stop', { timeout: 3, signal: 'INT' }],
    [['stop', '--time', '3', 'a'], 'stop', { timeout: 3, signal: '' }],
    [['restart', '-t', '-1', 'a'], 'restart', { timeout: -1, signal: '' }],
    [['kill', 'a'], 'kill', { signal: '' }],
    [['kill', '-s', '9', 'a'], 'kill', { signal: '9' }],
    [['restart', '-s', 'HUP', '--timeout', '5', 'a'], 'restart', { timeout: 5, signal: 'HUP' }],
    [['pause', 'a'], 'pause', {}],
    [['container', 'unpause', 'a'], 'unpause', {}],
    [['rm', 'a'], 'remove', { force: false, volumes: false }],
    [['rm', '-fv', 'a'], 'remove', { force: true, volumes: true }],
  ];
  for (const [argv, method, request] of cases) {
    test(argv.join(' '), async () => {
      const asked: unknown[] = [];
      const result = await cli(argv, { client: { containers: { [method]: knowing(asked) } } });
      assert.deepEqual([result.code, result.out, result.err], [0, 'a\n', '']);
      assert.deepEqual(asked, [{ container: 'a', ...request }]);
    });
  }

  test('each is tried, successes are printed in order, a failure makes the exit code 1', async () => {
    const asked: unknown[] = [];
    const { code, out, err } = await cli(['stop', 'a', 'x', 'b', 'y'], {
      client: { containers: { stop: knowing(asked) } },
    });
    assert.deepEqual([code, out, asked.length], [1, 'a\nb\n', 4]);
    assert.equal(
      err,
      'Error response from daemon: No such container: x\nError response from daemon: No such container: y\n',
    );
  });

  for (const [verb, method] of [
    ['start', 'start'],
    ['restart', 'restart'],
    ['kill', 'kill'],
    ['rm', 'remove'],
    ['pause', 'pause'],
    ['unpause', 'unpause'],
    ['wait', 'wait'],
  ] as const) {
    test(`${verb} of many at once: all are under way before the first is done, and told in the order they were named`, async () => {
      const asked: string[] = [];
      const go = Promise.withResolvers<void>();
      const act = async ({ container }: { container: string }) => {
        asked.push(container);
        if (asked.length === 3) go.resolve();
        await go.promise;
        if (container === 'x') throw notFound('x');
        return { exitCode: 0, error: '' };
      };
      const { code, out, err } = await cli([verb, 'b', 'x', 'a'], { client: { containers: { [method]: act } } });
      assert.deepEqual([code, out], [1, verb === 'wait' ? '0\n0\n' : 'b\na\n']);
      assert.equal(
        err,
        `Error response from daemon: No such container: x\n${verb === 'start' ? 'Error: failed to start containers: x\n' : ''}`,
      );
    });
  }

  test('rename asks for the new name, and says both of what failed', async () => {
    const asked: unknown[] = [];
    const client = { containers: { rename: knowing(asked) } };
    assert.deepEqual(await cli(['rename', ' a', 'b '], { client }).then(({ code, out, err }) => [code, out, err]), [
      0,
      '',
      '',
    ]);
    assert.deepEqual(asked, [{ container: 'a', name: 'b' }]);
    const missing = await cli(['rename', 'x', 'b'], { client });
    assert.deepEqual(
      [missing.code, missing.out, missing.err],
      [1, '', 'Error response from daemon: No such container: x\nError: failed to rename container named x\n'],
    );
    const empty = await cli(['rename', 'a', ''], { client });
    assert.deepEqual([empty.code, empty.err], [1, 'Error: Neither old nor new names may be empty\n']);
  });

  test('rm --link is refused before anything is removed', async () => {
    const { code, err } = await cli(['rm', '-l', 'a'], { client: { containers: {} } });
    assert.deepEqual(
      [code, err],
      [1, '--link: k3c has no links between containers; leave it away to remove the container\n'],
    );
  });

  test('rm -f forgives what is not there', async () => {
    const client = { containers: { remove: knowing([]) } };
    assert.deepEqual(await cli(['rm', '-f', 'x', 'a'], { client }).then(({ code, out, err }) => [code, out, err]), [
      0,
      'a\n',
      'Error response from daemon: No such container: x\n',
    ]);
    assert.equal((await cli(['rm', 'x'], { client })).code, 1);
  });

  test('a daemon that does not answer is told of once', async () => {
    const stop = () =>
      Promise.reject(new K3cError(Code.UNAVAILABLE, 'cannot connect', { reason: 'daemon-unreachable' }));
    const { code, err } = await cli(['stop', 'a', 'b'], { client: { containers: { stop } } });
    assert.deepEqual([code, err], [1, 'cannot connect\n']);
  });

  test('wait prints exit codes', async () => {
    const client = { containers: { wait: knowing([], { exitCode: 137, error: '' }) } };
    const { code, out } = await cli(['wait', 'a', 'b'], { client });
    assert.deepEqual([code, out], [0, '137\n137\n']);
  });
});

const now = Date.now();
const before = (seconds: number) => BigInt(now - seconds * 1000 - 300) * 1_000_000n;

const web: ContainerSummary = {
  id: 'a'.repeat(64),
  name: 'web',
  image: 'nginx:1.25',
  imageId: `sha256:${'1'.repeat(64)}`,
  command: "nginx -g 'daemon off;' and more",
  createdAt: before(300),
  startedAt: before(240),
  finishedAt: 0n,
  state: 'running',
  exitCode: 0,
  ports: [{ hostIp: '', hostPort: 8080, containerPort: 80, protocol: 'tcp', hostPortEnd: 0 }],
  labels: { b: '2', a: '1' },
  networks: ['bridge'],
  mounts: [Mount.fromPartial({ type: 'volume', source: 'data', target: '/d' })],
  health: '',
  ip: '10.0.0.2',
  exposedPorts: [],
  sizeRw: 2n,
  pod: '',
  podId: '',
  sizeRootFs: 21_500_000n,
};
const old: ContainerSummary = {
  ...web,
  id: 'b'.repeat(64),
  name: 'grumpy_noether',
  image: `sha256:${'2'.repeat(64)}`,
  imageId: `sha256:${'2'.repeat(64)}`,
  command: 'sh',
  createdAt: before(3 * 86_400),
  finishedAt: before(2 * 86_400),
  state: 'exited',
  exitCode: 137,
  ports: [],
  labels: {},
};

describe('ps', () => {
  function lister() {
    const asked: object[] = [];
    const list = (request: object) => {
      asked.push(request);
      return Promise.resolve({ containers: [web, old] });
    };
    return { asked, containers: { list } };
  }

  test('the table is docker’s', async () => {
    const { code, out } = await cli(['ps', '-a'], { client: lister() });
    assert.equal(code, 0);
    assert.equal(
      out,
      `CONTAINER ID   IMAGE          COMMAND                  CREATED         STATUS                    PORTS                  NAMES
aaaaaaaaaaaa   nginx:1.25     "nginx -g 'daemon of…"   5 minutes ago   Up 4 minutes              0.0.0.0:8080->80/tcp   web
bbbbbbbbbbbb   222222222222   "sh"                     3 days ago      Exited (137) 2 days ago                          grumpy_noether
`,
    );
  });

  const forms: [argv: string[], out: string][] = [
    [['-q'], `${'a'.repeat(12)}\n${'b'.repeat(12)}\n`],
    [['-aq', '--no-trunc'], `${'a'.repeat(64)}\n${'b'.repeat(64)}\n`],
    [['--format', '{{.Names}} {{.Labels}} {{.Label "a"}}'], 'web a=1,b=2 1\ngrumpy_noether  \n'],
    [
      ['--format', 'table {{.ID}}\\t{{.Names}}'],
      'CONTAINER ID   NAMES\naaaaaaaaaaaa   web\nbbbbbbbbbbbb   grumpy_noether\n',
    ],
    [['--format', '{{.Size}}'], '2B (virtual 21.5MB)\n2B (virtual 21.5MB)\n'],
    [['--format', '{{upper .State}}'], 'RUNNING\nEXITED\n'],
  ];
  for (const [argv, expected] of forms) {
    test(argv.join(' '), async () => assert.equal((await cli(['ps', ...argv], { client: lister() })).out, expected));
  }

  test('json has docker’s fields', async () => {
    const { out } = await cli(['ps', '--format', 'json'], { client: lister() });
    const [first = ''] = out.split('\n');
    const row = JSON.parse(first) as Record<string, string>;
    assert.deepEqual(
      [row['Names'], row['Ports'], row['LocalVolumes'], row['Label']],
      ['web', '0.0.0.0:8080->80/tcp', '1', undefined],
    );
  });

  const requests: [argv: string[], request: object][] = [
    [[], { all: false, last: 0, filters: {}, size: false }],
    [['-a'], { all: true, last: 0, filters: {}, size: false }],
    [['-l'], { all: false, last: 1, filters: {}, size: false }],
    [['-n', '3'], { all: false, last: 3, filters: {}, size: false }],
    [['-s'], { all: false, last: 0, filters: {}, size: true }],
    [['--format', '{{.Size}}'], { all: false, last: 0, filters: {}, size: true }],
    [
      ['-f', 'status=exited', '--filter', 'status=created', '-f', 'label=a=b'],
      {
        all: false,
        last: 0,
        filters: { status: { values: ['exited', 'created'] }, label: { values: ['a=b'] } },
        size: false,
      },
    ],
  ];
  for (const [argv, request] of requests) {
    test(`${argv.join(' ')} asks for the right ones`, async () => {
      const client = lister();
      await cli(['ps', ...argv], { client });
      assert.deepEqual(client.asked, [request]);
    });
  }

  test('-q wins over --format, and says so', async () => {
    const { out, err } = await cli(['ps', '-q', '--format', '{{.Names}}'], { client: lister() });
    assert.equal(out, `${'a'.repeat(12)}\n${'b'.repeat(12)}\n`);
    assert.equal(err, 'WARNING: Ignoring custom format, because both --format and --quiet are set.\n');
  });
});

describe('logs', () => {
  const entry = (time: bigint, text: string, stderr = false): LogBatch => ({
    runs: [{ stderr, data: Buffer.from(text), sizes: [text.length], times: [time] }],
    skipped: false,
    details: '',
  });
  function logger(entries: LogBatch[]) {
    const asked: object[] = [];
    return {
      asked,
      containers: {
        async *logs(request: object) {
          asked.push(request);
          yield* entries;
        },
      },
    };
  }

  test('each stream goes where it came from', async () => {
    const client = logger([entry(1n, 'a\n'), entry(2n, 'b\n', true), entry(3n, 'c\r\n'), entry(4n, 'd')]);
    const { code, out, err } = await cli(['logs', 'x'], { client });
    assert.deepEqual([code, out, err], [0, 'a\nc\r\nd', 'b\n']);
    assert.deepEqual(client.asked, [
      {
        container: 'x',
        follow: false,
        since: 0n,
        until: 0n,
        tail: undefined,
        stdout: true,
        stderr: true,
        timestamps: false,
        details: false,
      },
    ]);
  });

  test('-t marks lines, not their pieces', async () => {
    const client = logger([entry(1n, 'a'), entry(2n, 'b\n'), entry(1_136_073_600_000_000_000n, 'c\n')]);
    const { out } = await cli(['logs', '-t', 'x'], { client });
    assert.equal(out, '1970-01-01T00:00:00.000000001Z ab\n2006-01-01T00:00:00.000000000Z c\n');
  });

  test('--details come before lines and after their time; a gap is told', async () => {
    const gap: LogBatch = { runs: [], skipped: true, details: '' };
    const batch = entry(1n, 'a\nb\n');
    const lines: LogBatch = {
      ...batch,
      runs: batch.runs.map((run) => ({ ...run, sizes: [2, 2], times: [1n, 2n] })),
    };
    const client = logger([{ runs: [], skipped: false, details: 'k=v' }, lines, gap]);
    const { out, err } = await cli(['logs', '--details', '-t', 'x'], { client });
    assert.equal(out, '1970-01-01T00:00:00.000000001Z k=v a\n1970-01-01T00:00:00.000000002Z k=v b\n');
    assert.equal(err, 'k3c: output was skipped: it was written and rotated away faster than it could be read\n');
    const plain = await cli(['logs', '--details', 'x'], { client: logger([lines]) });
    assert.equal(plain.out, ' a\n b\n');
  });

  test('flags reach the daemon', async () => {
    const client = logger([]);
    await cli(['logs', 'x', '-f', '-n', '5', '--since', '1136073600', '--until', '2013-01-02T13:23:37Z'], { client });
    const until = BigInt(Date.parse('2013-01-02T13:23:37Z')) * 1_000_000n;
    assert.deepEqual(client.asked, [
      {
        container: 'x',
        follow: true,
        since: 1_136_073_600_000_000_000n,
        until,
        tail: 5n,
        stdout: true,
        stderr: true,
        timestamps: false,
        details: false,
      },
    ]);
  });

  test('a time that is none is refused', async () => {
    const { code, err } = await cli(['logs', '--since', 'yesterday', 'x'], { client: logger([]) });
    assert.deepEqual(
      [code, err],
      [1, 'invalid value for "since": failed to parse value as time or duration: "yesterday"\n'],
    );
  });
});
