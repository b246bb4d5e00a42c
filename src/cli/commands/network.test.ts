import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { cli } from '../../../test/support/cli.ts';
import { Code, K3cError } from '../../api/errors.ts';
import type { Network } from '../../api/gen/k3c.ts';

const network = (name: string, over: Partial<Network> = {}): Network => ({
  id: name.repeat(64).slice(0, 64),
  name,
  driver: 'bridge',
  internal: false,
  ipv6: false,
  labels: {},
  createdAt: 0n,
  ...over,
});

/** A client that notes what it is asked. */
function noting(answers: Readonly<Record<string, unknown>>) {
  const asked: unknown[] = [];
  const networks = Object.fromEntries(
    Object.entries(answers).map(([name, answer]) => [
      name,
      (request: unknown) => {
        asked.push(request);
        return Promise.resolve(answer);
      },
    ]),
  );
  return { asked, client: { networks } };
}

test('network create asks for what is given and prints the id', async () => {
  const { asked, client } = noting({ create: { id: 'i1' } });
  const flags = ['--subnet', '10.1.0.0/16', '--gateway', '10.1.0.9', '--ip-range', '10.1.2.0/24', '--internal'];
  const { out } = await cli(['network', 'create', ...flags, '--label', 'a=b', '-o', 'x=1', 'lan'], { client });
  assert.equal(out, 'i1\n');
  assert.deepEqual(asked, [
    {
      name: 'lan',
      driver: 'bridge',
      subnet: '10.1.0.0/16',
      gateway: '10.1.0.9',
      ipRange: '10.1.2.0/24',
      subnet6: '',
      gateway6: '',
      ipRange6: '',
      ipv6: false,
      internal: true,
      options: { x: '1' },
      labels: { a: 'b' },
    },
  ]);
});

test('network create tells the families apart', async () => {
  const { asked, client } = noting({ create: { id: 'i1' } });
  const six = ['--ipv6', '--subnet', 'fd00:62::/64', '--gateway', 'fd00:62::9', '--ip-range', 'fd00:62::80/121'];
  await cli(['network', 'create', ...six, '--subnet', '10.1.0.0/16', 'lan'], { client });
  const [{ subnet, subnet6, gateway, gateway6, ipRange6, ipv6 }] = asked as [Record<string, unknown>];
  assert.deepEqual(
    [subnet, subnet6, gateway, gateway6, ipRange6, ipv6],
    ['10.1.0.0/16', 'fd00:62::/64', '', 'fd00:62::9', 'fd00:62::80/121', true],
  );
  const twice = await cli(['network', 'create', '--subnet', '10.1.0.0/16,10.2.0.0/16', 'lan'], { client });
  assert.match(twice.err, /--subnet 10\.2\.0\.0\/16 is one too many/);
});

describe('network ls', () => {
  const { client } = noting({
    list: { networks: [network('b'), network('a', { labels: { k: 'v' }, internal: true })] },
  });
  const forms: [argv: string[], out: string][] = [
    [
      [],
      'NETWORK ID     NAME      DRIVER    SCOPE\naaaaaaaaaaaa   a         bridge    local\nbbbbbbbbbbbb   b         bridge    local\n',
    ],
    [['-q'], 'aaaaaaaaaaaa\nbbbbbbbbbbbb\n'],
    [['-q', '--no-trunc'], `${'a'.repeat(64)}\n${'b'.repeat(64)}\n`],
    [['--format', '{{.Name}} {{.Internal}} {{.Labels}} {{.Label "k"}}'], 'a true k=v v\nb false  \n'],
  ];
  for (const [argv, out] of forms)
    test(argv.join(' '), async () => assert.equal((await cli(['network', 'ls', ...argv], { client })).out, out));
});

test('network rm prints names; what is not there is a failure, unless it is forced', async () => {
  const remove = ({ network: name }: { network: string }) =>
    name === 'x'
      ? Promise.reject(new K3cError(Code.NOT_FOUND, 'network x not found', { remote: true }))
      : Promise.resolve({ name });
  const client = { networks: { remove } };
  const { code, out, err } = await cli(['network', 'rm', 'a', 'x'], { client });
  assert.deepEqual([code, out, err], [1, 'a\n', 'Error response from daemon: network x not found\n']);
  assert.equal((await cli(['network', 'rm', '-f', 'x'], { client })).code, 0);
});

test('network prune asks first', async () => {
  const run = async (argv: string[], typed: string) => {
    const { asked, client } = noting({ prune: { deleted: ['a', 'b'] } });
    const stdin = new PassThrough();
    stdin.end(typed);
    return { ...(await cli(['network', 'prune', ...argv], { client, stdin })), asked };
  };
  assert.match(
    (await run([], 'y\n')).out,
    /^WARNING! This will remove all custom networks .*\n.*Deleted Networks:\na\nb\n\n$/,
  );
  assert.deepEqual((await run([], 'n\n')).asked, []);
  assert.deepEqual((await run(['-f', '--filter', 'label=k'], '')).asked, [{ filters: { label: { values: ['k'] } } }]);
});

test('network connect and disconnect', async () => {
  const { asked, client } = noting({ connect: {}, disconnect: {} });
  const asks = ['--ip', '10.1.0.5', '--ip6', 'fd00::5', '--alias', 'a', '--alias', 'b'];
  await cli(['network', 'connect', ...asks, 'lan', 'web'], { client });
  await cli(['network', 'disconnect', '-f', 'lan', 'web'], { client });
  assert.deepEqual(asked, [
    { network: 'lan', container: 'web', ip: '10.1.0.5', ip6: 'fd00::5', aliases: ['a', 'b'] },
    { network: 'lan', container: 'web', force: true },
  ]);
  const bad = await cli(['network', 'connect', '--ip', 'x', 'lan', 'web'], { client });
  assert.match(bad.err, /invalid argument "x" for "--ip" flag: x is not an ip address/);
});

test('network ls tells times as docker does', async () => {
  const { client } = noting({ list: { networks: [network('a', { createdAt: 1_795_543_436_020_000_000n })] } });
  const { out } = await cli(['network', 'ls', '--format', '{{.CreatedAt}}'], { client });
  assert.equal(out, '2026-11-24 18:03:56.02 +0000 UTC\n');
});

test('an empty subnet is none that is left out', async () => {
  for (const flag of ['--subnet', '--gateway', '--ip-range']) {
    const { asked, client } = noting({ create: { id: 'i1' } });
    const { code, err } = await cli(['network', 'create', flag, '', 'lan'], { client });
    assert.deepEqual([code, err, asked], [1, `${flag} is empty\n`, []]);
  }
});
