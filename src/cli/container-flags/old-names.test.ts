import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cli } from '../../../test/support/cli.ts';
import type { CreateRequest } from '../../api/gen/k3c.ts';

test('--net, --net-alias and --dns-opt count as what they are called now, in the order given, and help does not tell of them', async () => {
  const asked: CreateRequest[] = [];
  const create = (request: CreateRequest) => {
    asked.push(request);
    return Promise.resolve({ id: 'id', name: 'n', warnings: [] });
  };
  const flags = ['--net', 'lan', '--network', 'far', '--net=near', '--net-alias', 'a', '--network-alias', 'b'];
  const { code } = await cli(['create', ...flags, '--dns-opt', 'ndots:2', '--dns-option', 'rotate', 'busybox'], {
    client: { containers: { create } },
  });
  assert.equal(code, 0);
  const { networkMode, network } = asked[0]?.spec ?? {};
  assert.deepEqual(
    [networkMode, network?.moreNetworks.map((one) => one.network), network?.aliases, network?.dnsOptions],
    ['lan', ['far', 'near'], ['a', 'b'], ['ndots:2', 'rotate']],
  );
  const wrong = await cli(['create', '--net', '', 'busybox'], { client: {} });
  assert.match(wrong.err, /invalid argument "" for "--network" flag: no name set for network/);
  assert.doesNotMatch((await cli(['create', '--help'], { client: {} })).out, /--net[ -](?!work)|--dns-opt /);
});
