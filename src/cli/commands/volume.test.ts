import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { cli } from '../../../test/support/cli.ts';
import { Code, K3cError } from '../../api/errors.ts';
import type { CreateVolumeRequest, ListVolumesRequest, PruneVolumesRequest, Volume } from '../../api/gen/k3c.ts';

const volume = (name: string, labels: Record<string, string> = {}): Volume => ({
  name,
  driver: 'local',
  mountpoint: `/v/${name}/_data`,
  labels,
  options: {},
  createdAt: 0n,
  anonymous: false,
  links: 0n,
});

describe('volume create', () => {
  test('asks for what is given and prints the name', async () => {
    const asked: CreateVolumeRequest[] = [];
    const client = {
      volumes: {
        create: (request: CreateVolumeRequest) => {
          asked.push(request);
          return Promise.resolve({ volume: volume(request.name || 'made-up') });
        },
      },
    };
    const argv = ['volume', 'create', '--label', 'a=b', '-o', 'type=tmpfs', '-o', 'o=size=1m,uid=1', 'data'];
    assert.equal((await cli(argv, { client })).out, 'data\n');
    assert.equal((await cli(['volume', 'create'], { client })).out, 'made-up\n');
    assert.deepEqual(asked, [
      { name: 'data', driver: 'local', options: { type: 'tmpfs', o: 'size=1m,uid=1' }, labels: { a: 'b' } },
      { name: '', driver: 'local', options: {}, labels: {} },
    ]);
    const twice = await cli(['volume', 'create', '--name', 'a', 'b'], { client });
    assert.equal(twice.code, 1);
    assert.match(twice.err, /^conflicting options: cannot specify a volume-name through both/);
  });
});

describe('volume ls', () => {
  const client = {
    volumes: {
      list: () => Promise.resolve({ volumes: [volume('v10', { b: '2', a: '1' }), volume('v2')] }),
    },
  };
  const forms: [argv: string[], out: string][] = [
    [[], 'DRIVER    VOLUME NAME\nlocal     v2\nlocal     v10\n'],
    [['-q'], 'v2\nv10\n'],
    [
      ['--format', '{{.Name}} {{.Mountpoint}} {{.Labels}} {{.Label "a"}}'],
      'v2 /v/v2/_data  \nv10 /v/v10/_data a=1,b=2 1\n',
    ],
    [
      ['--format', 'json'],
      ['v2', 'v10']
        .map(
          (name) =>
            `{"Availability":"N/A","Driver":"local","Group":"N/A","Labels":"${name === 'v10' ? 'a=1,b=2' : ''}","Links":"N/A","Mountpoint":"/v/${name}/_data","Name":"${name}","Scope":"local","Size":"N/A","Status":"N/A"}\n`,
        )
        .join(''),
    ],
  ];
  for (const [argv, out] of forms)
    test(argv.join(' '), async () => assert.equal((await cli(['volume', 'ls', ...argv], { client })).out, out));

  test('filters go to the daemon', async () => {
    const asked: ListVolumesRequest[] = [];
    const list = (request: ListVolumesRequest) => {
      asked.push(request);
      return Promise.resolve({ volumes: [] });
    };
    const { out } = await cli(['volume', 'list', '-f', 'dangling=true', '-f', 'label=a'], {
      client: { volumes: { list } },
    });
    assert.equal(out, 'DRIVER    VOLUME NAME\n');
    assert.deepEqual(asked, [{ filters: { dangling: { values: ['true'] }, label: { values: ['a'] } } }]);
  });
});

describe('volume rm', () => {
  const gone = () => Promise.reject(new K3cError(Code.NOT_FOUND, 'get x: no such volume', { remote: true }));
  test('prints the names; what is not there is a failure', async () => {
    const remove = ({ volume: name }: { volume: string }) => (name === 'x' ? gone() : Promise.resolve({}));
    const { code, out, err } = await cli(['volume', 'rm', 'a', 'x', 'b'], { client: { volumes: { remove } } });
    assert.deepEqual([code, out, err], [1, 'a\nb\n', 'Error response from daemon: get x: no such volume\n']);
  });
});

describe('volume prune', () => {
  const run = async (argv: string[], typed = '') => {
    const asked: PruneVolumesRequest[] = [];
    const prune = (request: PruneVolumesRequest) => {
      asked.push(request);
      return Promise.resolve({ deleted: ['a', 'b'], reclaimed: 1_500n });
    };
    const stdin = new PassThrough();
    stdin.end(typed);
    return { ...(await cli(['volume', 'prune', ...argv], { client: { volumes: { prune } }, stdin })), asked };
  };
  test('asks first', async () => {
    const { out, asked } = await run([], 'y\n');
    assert.equal(
      out,
      'WARNING! This will remove anonymous local volumes not used by at least one container.\nAre you sure you want to continue? [y/N] Deleted Volumes:\na\nb\n\nTotal reclaimed space: 1.5kB\n',
    );
    assert.deepEqual(asked, [{ all: false, filters: {} }]);
    assert.deepEqual((await run(['-a'], 'n\n')).asked, []);
  });
  test('-a, also as a filter, and labels', async () => {
    assert.deepEqual((await run(['-f', '-a', '--filter', 'label!=keep'])).asked, [
      { all: true, filters: { 'label!': { values: ['keep'] } } },
    ]);
    assert.deepEqual((await run(['-f', '--filter', 'all=1'])).asked, [{ all: true, filters: {} }]);
    const both = await run(['-f', '-a', '--filter', 'all=1']);
    assert.match(both.err, /^conflicting options: cannot specify both --all and --filter all=1/);
  });
});
