import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { cli } from '../../../test/support/cli.ts';
import { Code, K3cError } from '../../api/errors.ts';
import { NetworkOptions, PodSpec, PodSummary, PortRequest } from '../../api/gen/k3c.ts';

const HOUR = 3_600_000_000_000n;
const now = () => BigInt(Date.now()) * 1_000_000n;

const pod = (name: string, over: Parameters<typeof PodSummary.fromPartial>[0] = {}) =>
  PodSummary.fromPartial({
    id: name.repeat(64).slice(0, 64),
    name,
    state: 'running',
    createdAt: now() - 2n * HOUR,
    ...over,
  });

/** A client that knows `a` and `b`, and notes what it is asked. */
function daemon(pods: readonly PodSummary[] = []) {
  const asked: [method: string, request: unknown][] = [];
  const answer =
    (method: string, response: object, known: (request: { pod: string }) => boolean) => (request: { pod: string }) => {
      asked.push([method, request]);
      return known(request)
        ? Promise.resolve(response)
        : Promise.reject(new K3cError(Code.NOT_FOUND, `no such pod: ${request.pod}`, { remote: true }));
    };
  const named = ({ pod: name }: { pod: string }) => name !== 'x';
  return {
    asked,
    client: {
      pods: {
        create: answer('create', { id: 'i1', warnings: ['w1'] }, () => true),
        list: answer('list', { pods }, () => true),
        start: answer('start', { name: 'n' }, named),
        stop: answer('stop', { name: 'n' }, named),
        remove: answer('remove', { name: 'n', removedContainers: [] }, named),
      },
    },
  };
}

describe('pod create', () => {
  const created = async (...argv: string[]) => {
    const { asked, client } = daemon();
    const result = await cli(['pod', 'create', ...argv], { client });
    return { ...result, asked };
  };

  test('asks for nothing that is not given, and prints the id', async () => {
    const { code, out, err, asked } = await created();
    assert.deepEqual([code, out, err], [0, 'i1\n', 'WARNING: w1\n']);
    const spec = PodSpec.fromPartial({ networkMode: 'default', network: NetworkOptions.fromPartial({}) });
    assert.deepEqual(asked, [['create', { name: '', spec }]]);
  });

  test('every flag has its field', async () => {
    const flags = [
      ...[
        '-p',
        '8080:80',
        '-p',
        '53/udp',
        '--hostname',
        'h',
        '--network',
        'lan',
        '--network-alias',
        'n1',
        '--ip',
        '10.1.0.5',
      ],
      ...['--dns', '10.0.0.1', '--dns-search', 'example.com', '--dns-option', 'ndots:1', '--add-host', 'a:10.0.0.2'],
      ...['--sysctl', 'net.core.somaxconn=9', '-l', 'a=b', '--label', 'c', '--share', '+pid', '--cgroup-parent', '/p'],
      ...['--annotation', 'k=v', '--shm-size', '1m'],
    ];
    const { asked } = await created(...flags, 'web');
    assert.deepEqual(asked, [
      [
        'create',
        {
          name: 'web',
          spec: PodSpec.fromPartial({
            hostname: 'h',
            labels: { a: 'b', c: '' },
            ports: [
              PortRequest.fromPartial({ hostPort: 8080, containerPort: 80, protocol: 'tcp' }),
              PortRequest.fromPartial({ containerPort: 53, protocol: 'udp' }),
            ],
            networkMode: 'lan',
            network: NetworkOptions.fromPartial({
              dns: ['10.0.0.1'],
              dnsSearch: ['example.com'],
              dnsOptions: ['ndots:1'],
              extraHosts: ['a:10.0.0.2'],
              ip: '10.1.0.5',
              aliases: ['n1'],
            }),
            sysctls: { 'net.core.somaxconn': '9' },
            sharePid: true,
            cgroupParent: '/p',
            annotations: { k: 'v' },
            shmSizeBytes: 1_048_576n,
          }),
        },
      ],
    ]);
  });

  test('a name once', async () => {
    const { code, err } = await created('--name', 'a', 'b');
    assert.deepEqual(
      [code, err],
      [1, 'conflicting options: cannot specify a pod name through both --name and as a positional arg\n'],
    );
    const { asked } = await created('-n', 'a');
    assert.partialDeepStrictEqual(asked[0]?.[1], { name: 'a' });
  });

  test('what a pod cannot share is refused in words', async () => {
    const { code, err, asked } = await created('--share', 'net');
    assert.equal(code, 125);
    assert.match(err, /^invalid argument "net" for "--share" flag: a pod always shares ipc, net and uts/);
    assert.deepEqual(asked, []);
  });

  test('a wrong port is told without the usage of a flag', async () => {
    const { code, err } = await created('-p', '80:x');
    assert.deepEqual([code, err], [1, 'invalid containerPort: x\n']);
  });

  test('files: labels are read, the id is written once', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'k3c-pod-'));
    t.after(() => rm(directory, { recursive: true }));
    await writeFile(join(directory, 'labels'), '# comment\na=1\n');
    const { client } = daemon();
    const argv = ['pod', 'create', '--label-file', 'labels', '--pod-id-file', 'id'];
    assert.equal((await cli(argv, { client, cwd: directory })).code, 0);
    assert.equal(await readFile(join(directory, 'id'), 'utf8'), 'i1');
    const again = await cli(argv, { client, cwd: directory });
    assert.deepEqual(
      [again.code, again.err],
      [1, "pod ID file found, make sure the other pod isn't running or delete id\n"],
    );
  });

  test('--replace removes the pod of this name, and no other', async () => {
    const { asked, client } = daemon([pod('abc'), pod('ab', { id: 'f'.repeat(64) })]);
    await cli(['pod', 'create', '--replace', 'ab'], { client });
    assert.deepEqual(
      asked.map(([method]) => method),
      ['list', 'remove', 'create'],
    );
    assert.deepEqual(asked[1]?.[1], { pod: 'f'.repeat(64), force: true });
    const nothing = daemon([pod('abc')]);
    await cli(['pod', 'create', '--replace', 'ab'], { client: nothing.client });
    assert.deepEqual(
      nothing.asked.map(([method]) => method),
      ['list', 'create'],
    );
    assert.match((await created('--replace')).err, /cannot replace a pod without its name/);
  });
});

describe('pod ls', () => {
  const web = pod('a', {
    state: 'degraded',
    labels: { k: 'v' },
    networks: ['lan'],
    ip: '10.1.0.2',
    sandboxId: '9'.repeat(64),
    ports: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
    containers: [
      { id: '1'.repeat(64), name: 'c1', state: 'running' },
      { id: '2'.repeat(64), name: 'c2', state: 'exited' },
    ],
  });
  const younger = pod('b', { createdAt: now() - HOUR, state: 'created' });
  const forms: [argv: string[], out: string][] = [
    [
      [],
      [
        'POD ID         NAME      STATUS     CREATED             CONTAINERS   PORTS',
        'bbbbbbbbbbbb   b         Created    About an hour ago                ',
        'aaaaaaaaaaaa   a         Degraded   2 hours ago         c1,c2        0.0.0.0:8080->80/tcp',
        '',
      ].join('\n'),
    ],
    [['-q'], 'bbbbbbbbbbbb\naaaaaaaaaaaa\n'],
    [['-q', '--no-trunc'], `${'b'.repeat(64)}\n${'a'.repeat(64)}\n`],
    [
      ['--format', '{{.Name}} {{.State}} {{.NumberOfContainers}} {{.ContainerIDs}} {{.ContainerStates}}'],
      'b created 0  \na degraded 2 111111111111,222222222222 running,exited\n',
    ],
    [
      ['--format', '{{.Labels}} {{.Label "k"}} {{.Networks}} {{.IP}} {{.SandboxID}}'],
      '    \nk=v v lan 10.1.0.2 999999999999\n',
    ],
  ];
  for (const [argv, out] of forms)
    test(argv.join(' '), async () => {
      const { client } = daemon([web, younger]);
      assert.equal((await cli(['pod', 'ls', ...argv], { client })).out, out);
    });

  test('-a and filters are asked of the daemon', async () => {
    const { asked, client } = daemon();
    await cli(['pod', 'ps', '-a', '-f', 'name=a', '-f', 'name=b', '--filter', 'label=k=v'], { client });
    const filters = { name: { values: ['a', 'b'] }, label: { values: ['k=v'] } };
    assert.deepEqual(asked, [['list', { all: true, filters }]]);
  });
});

describe('several pods', () => {
  const cases: [argv: string[], asked: [string, object][]][] = [
    [['start', 'a'], [['start', { pod: 'a' }]]],
    [['stop', 'a'], [['stop', { pod: 'a', timeout: undefined }]]],
    [['stop', '-t', '3', 'a'], [['stop', { pod: 'a', timeout: 3 }]]],
    [
      ['restart', '--time', '0', 'a'],
      [
        ['stop', { pod: 'a', timeout: 0 }],
        ['start', { pod: 'a' }],
      ],
    ],
    [['rm', 'a'], [['remove', { pod: 'a', force: false }]]],
    [['remove', '-f', 'a'], [['remove', { pod: 'a', force: true }]]],
  ];
  for (const [argv, expected] of cases)
    test(argv.join(' '), async () => {
      const { asked, client } = daemon();
      const { code, out, err } = await cli(['pod', ...argv], { client });
      assert.deepEqual([code, out, err], [0, 'a\n', '']);
      assert.deepEqual(asked, expected);
    });

  for (const verb of ['start', 'stop', 'restart', 'rm'])
    test(`${verb}: each is tried, a failure makes the exit code 1`, async () => {
      const { client } = daemon();
      const { code, out, err } = await cli(['pod', verb, 'a', 'x', 'b'], { client });
      assert.deepEqual([code, out, err], [1, 'a\nb\n', 'Error response from daemon: no such pod: x\n']);
    });

  test('what is not there is as good as removed by force', async () => {
    const { code, err } = await cli(['pod', 'rm', '-f', 'x'], { client: daemon().client });
    assert.deepEqual([code, err], [0, 'Error response from daemon: no such pod: x\n']);
  });
});

describe('pod prune', () => {
  const all = ['created', 'running', 'degraded', 'exited', 'stopped'].map((state) => pod(state, { state }));
  const prune = async (argv: string[], typed = '') => {
    const { asked, client } = daemon(all);
    const stdin = new PassThrough().end(typed);
    return { ...(await cli(['pod', 'prune', ...argv], { client, stdin })), asked };
  };

  test('asks first, and takes those of which nothing runs', async () => {
    const no = await prune([], 'n\n');
    assert.deepEqual(no.asked, []);
    const yes = await prune([], 'y\n');
    assert.match(
      yes.out,
      /^WARNING! This will remove all pods that do not run, with their containers\..*Deleted Pods:\ncreated\nexited\nstopped\n\n$/s,
    );
    assert.deepEqual(
      yes.asked.map(([, request]) => request),
      [
        { filters: {}, all: false },
        ...['created', 'exited', 'stopped'].map((name) => ({ pod: name.repeat(64).slice(0, 64), force: false })),
      ],
    );
  });

  test('filters: labels are the daemon’s, until is a time before now', async () => {
    const { asked } = await prune(['-f', '--filter', 'until=3h', '--filter', 'label!=k']);
    assert.deepEqual(asked, [['list', { filters: { 'label!': { values: ['k'] } }, all: false }]]);
    assert.equal((await prune(['-f', '--filter', 'until=1h'])).asked.length, 4);
    assert.match((await prune(['-f', '--filter', 'until=x'])).err, /x/);
  });

  test('one that was started meanwhile stays, and is no failure', async () => {
    const client = {
      pods: {
        list: () => Promise.resolve({ pods: all }),
        remove: ({ pod: id }: { pod: string }) =>
          id.startsWith('exited')
            ? Promise.reject(new K3cError(Code.FAILED_PRECONDITION, 'it runs', { remote: true }))
            : Promise.resolve({}),
      },
    };
    const { code, out } = await cli(['pod', 'prune', '-f'], { client });
    assert.deepEqual([code, out], [0, 'Deleted Pods:\ncreated\nstopped\n\n']);
  });
});
