import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cli } from '../../../test/support/cli.ts';
import type { CreatePodRequest } from '../../api/gen/k3c.ts';

/** What help says of each flag. */
async function helpOf(...command: string[]): Promise<Map<string, string>> {
  const { out } = await cli([...command, '--help'], { client: {} });
  const lines = out.matchAll(/^ {2,}((?:-\w, )?--[\w-]+(?: [a-z0-9]+)?) {2,}(.*(?:\n {20,}\S.*)*)/gm);
  return new Map([...lines].map(([, name = '', text = '']) => [name, text.replace(/\s+/g, ' ')]));
}

test('a flag that pod create and create have has the same words', async () => {
  const [pod, container] = [await helpOf('pod', 'create'), await helpOf('create')];
  const shared = [...pod].filter(([name]) => container.has(name));
  assert.ok(shared.length > 15, [...pod.keys()].join());
  for (const [name, text] of shared) {
    const words = (container.get(name) ?? '').replaceAll('container', 'pod').replaceAll('Container', 'Pod');
    // What a pod does otherwise: it has its name for a host name, is on no other's network, and CRI alone gets its annotations.
    const ends = words
      .replace(', none or pod:NAME', ' or none')
      .replace('pod (passed through to the OCI runtime)', "pod's sandbox");
    assert.ok(text.startsWith(ends), `${name}: ${text} / ${ends}`);
  }
});

test('pod create takes the names of old, too', async () => {
  const asked: CreatePodRequest[] = [];
  const create = (request: CreatePodRequest) => {
    asked.push(request);
    return Promise.resolve({ id: 'i', warnings: [] });
  };
  const flags = ['--net', 'lan', '--net-alias', 'a', '--dns-opt', 'rotate'];
  assert.equal((await cli(['pod', 'create', ...flags], { client: { pods: { create } } })).code, 0);
  const { networkMode, network } = asked[0]?.spec ?? {};
  assert.deepEqual([networkMode, network?.aliases, network?.dnsOptions], ['lan', ['a'], ['rotate']]);
});
