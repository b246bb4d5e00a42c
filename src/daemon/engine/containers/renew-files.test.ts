import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fakeEngine } from '../../../../test/support/fake-engine.ts';
import { ContainerState, PodSandboxState } from '../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import { NO_NETWORK } from '../../state/spec.ts';
import type { EngineContext } from './context.ts';
import { renewFiles } from './renew-files.ts';
import { sampleRecord, sampleSpec } from './samples.ts';

const base = mkdtempSync(join(tmpdir(), 'k3c-renew-'));
after(() => rm(base, { recursive: true }));

const NAME = 'abababababab';
const endpoint = {
  network: 'n1',
  networkName: 'web',
  askedIp: '',
  askedMac: '',
  aliases: [],
  mac: '',
  interface: 'eth1',
};
const on = { endpoints: [{ ...endpoint, ip: '10.1.0.7', ip6: 'fd00::7' }], ip: '10.0.0.2', state: 'running' } as const;

async function renewed(
  text: { readonly hosts: string; readonly resolv?: string },
  over: Partial<ContainerRecord> = {},
) {
  const record = sampleRecord({ ...on, ...over });
  const directory = join(base, record.id);
  await mkdir(directory, { recursive: true });
  const [hosts, resolv] = [join(directory, 'hosts'), join(directory, 'resolv.conf')];
  await writeFile(hosts, text.hosts);
  await writeFile(resolv, text.resolv ?? '');
  const warnings: unknown[] = [];
  const context = {
    paths: { containers: base },
    network: { bridge: { id: 'default', gateway: '10.0.0.1' }, members: { network: () => undefined } },
    resolver: async (id: string) => (id === 'default' ? '10.0.0.1' : '10.1.0.1'),
    state: { networks: { list: () => [1, 2].map((at) => ({ id: `n${at}`, config: { gateway: `10.${at}.0.1` } })) } },
    log: { warn: (fields: unknown) => warnings.push(fields) },
  } as unknown as EngineContext;
  const before = await stat(hosts, { bigint: true });
  await renewFiles(context, record);
  const now = await stat(hosts, { bigint: true });
  assert.equal(now.ino, before.ino, 'the container has this file mounted');
  assert.deepEqual(warnings, []);
  return {
    hosts: await readFile(hosts, 'utf8'),
    resolv: await readFile(resolv, 'utf8'),
    wasWritten: now.mtimeNs !== before.mtimeNs,
  };
}

test('addresses that the row has come in, those that it has not go, and what the container wrote stays', async () => {
  const mine = `127.0.0.1\tlocalhost\n10.0.0.2\t${NAME}\n# by hand\n10.9.9.9\tdb\n`;
  const { hosts } = await renewed({ hosts: `${mine}10.7.0.3\t${NAME}\n` });
  assert.equal(hosts, `${mine}10.1.0.7\t${NAME}\nfd00::7\t${NAME}\n`);
});

test('a file that is right is not written', async () => {
  const right = `10.0.0.2\t${NAME}\n10.1.0.7\t${NAME}\nfd00::7\t${NAME}\n`;
  assert.deepEqual(await renewed({ hosts: right }), { hosts: right, resolv: '', wasWritten: false });
});

test('a line of --add-host for the own name stays', async () => {
  const spec = sampleSpec({ network: { ...NO_NETWORK, extraHosts: [`${NAME}:192.0.2.1`] } });
  const right = `10.0.0.2\t${NAME}\n10.1.0.7\t${NAME}\nfd00::7\t${NAME}\n192.0.2.1\t${NAME}\n`;
  assert.equal((await renewed({ hosts: right }, { spec })).hosts, right);
});

test('a file that was being written is written whole', async () => {
  const { hosts } = await renewed({ hosts: '' });
  assert.match(hosts, /^127\.0\.0\.1\tlocalhost\n(.*\n)+10\.0\.0\.2\tabababababab\n10\.1\.0\.7\tabababababab\n/);
});

test('the resolver of a network that it is not on is changed for its own; any other stays', async () => {
  const resolv = async (server: string) => (await renewed({ hosts: 'x\n', resolv: `nameserver ${server}\n` })).resolv;
  assert.equal(await resolv('10.2.0.1'), 'nameserver 10.0.0.1\n');
  for (const server of ['10.0.0.1', '10.1.0.1', '9.9.9.9'])
    assert.equal(await resolv(server), `nameserver ${server}\n`);
});

test('what shares or has no network keeps its files', async () => {
  for (const networkMode of ['none', 'host', 'container:x'])
    assert.equal((await renewed({ hosts: 'x\n' }, { spec: sampleSpec({ networkMode }), endpoints: [] })).hosts, 'x\n');
});

test('a daemon that comes back renews them of what runs, and one without files is taken up all the same', async () => {
  for (const hasFiles of [true, false]) {
    const fake = fakeEngine(base);
    const { id } = await fake.engine.create('web', sampleSpec({ command: ['x'] }));
    const row = { state: 'running', attempt: 0, sandboxId: 's', criId: 'c', startedAt: 1n, ip: '10.0.0.2' } as const;
    fake.state.containers.update(id, row);
    const directory = join(base, 'c', id);
    await mkdir(directory, { recursive: true });
    if (hasFiles) await writeFile(join(directory, 'hosts'), '127.0.0.1\tlocalhost\n');
    const labels = { 'k3c.io/id': id };
    fake.known.sandboxes = [{ id: 's', labels, metadata: { attempt: 0 }, state: PodSandboxState.SANDBOX_READY }];
    const state = ContainerState.CONTAINER_RUNNING;
    fake.known.containers = [{ id: 'c', podSandboxId: 's', labels, metadata: { attempt: 0 }, state }];
    fake.streams.reopens = true;
    await fake.engine.reconcile(AbortSignal.timeout(5000));
    assert.equal(fake.state.containers.byId(id)?.state, 'running');
    const line = `127.0.0.1\tlocalhost\n10.0.0.2\t${id.slice(0, 12)}\n`;
    if (hasFiles) assert.equal(await readFile(join(directory, 'hosts'), 'utf8'), line);
    await fake.engine.close();
  }
});
