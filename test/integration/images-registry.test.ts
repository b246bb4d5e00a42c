import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, K3cError } from '../../src/api/errors.ts';
import { applyRegistries } from '../../src/daemon/engine/images/registries.ts';
import { RelayHolder } from '../../src/daemon/engine/images/relay-holder.ts';
import type { TransferEvent } from '../../src/daemon/engine/images/transfer-events.ts';
import { silentLog } from '../../src/host/log.ts';
import { ImageLab, rejects } from '../support/image-lab.ts';
import { type Registry, startRegistry } from '../support/registry.ts';

const USER = { name: 'ada', password: 's3cret-word' };
const MIB = 1 << 20;

const relay = new RelayHolder({ isAllowed: () => Promise.resolve(true), log: silentLog });
let lab: ImageLab;
let open: Registry;
let closed: Registry;

before(async () => {
  lab = await ImageLab.start();
  open = await startRegistry({ directory: join(lab.base, 'open') });
  closed = await startRegistry({ directory: join(lab.base, 'closed'), user: USER });
});

after(async () => {
  await open?.stop();
  await closed?.stop();
  await lab?.stop();
  await relay.close();
});

test('push, remove, pull: the image comes back whole, runnable and known to CRI', async () => {
  await lab.collectGarbage();
  const empty = { blobs: await lab.blobs(), snapshots: await lab.snapshots() };
  const name = `${open.address}/team/app:1`;
  const [loaded] = await lab.load([name]);
  assert.equal(loaded?.name, name);
  const id = loaded?.id;
  assert.equal(await lab.inCri(name), id);

  const pushed: TransferEvent[] = [];
  const push = await lab.images.push({ reference: name, onEvent: (event) => pushed.push(event) });
  assert.deepEqual(pushed[0], { kind: 'status', text: `The push refers to repository [${open.address}/team/app]` });
  assert.equal(pushed.filter((event) => event.kind === 'layer' && event.layer.status === 'Pushed').length, 3);
  const again: TransferEvent[] = [];
  await lab.images.push({ reference: name, onEvent: (event) => again.push(event) });
  assert.equal(
    again.filter((event) => event.kind === 'layer' && event.layer.status === 'Layer already exists').length,
    3,
  );
  assert.deepEqual((await lab.images.inspect(name))['RepoDigests'], [`${open.address}/team/app@${push.digest}`]);

  const removed = await lab.images.remove(name, false);
  assert.deepEqual(removed.untagged, [name, `${open.address}/team/app@${push.digest}`]);
  assert.equal(removed.deleted[0], id);
  assert.equal(removed.deleted.length, 4, 'the id and three snapshots');
  assert.deepEqual(
    { blobs: await lab.blobs(), snapshots: await lab.snapshots() },
    empty,
    'everything is freed at once',
  );
  assert.equal(await lab.inCri(name), undefined);
  await rejects(lab.images.resolve(name), `No such image: ${name}`, 'image-not-found');

  const events: TransferEvent[] = [];
  const pull = await lab.images.pull({ reference: name, onEvent: (event) => events.push(event) });
  assert.deepEqual([pull.id, pull.digest, pull.upToDate], [id, push.digest, false]);
  assert.deepEqual(events[0], { kind: 'status', text: '1: Pulling from team/app' });
  const last = new Map<string, string>();
  for (const event of events) if (event.kind === 'layer') last.set(event.layer.id, event.layer.status);
  assert.deepEqual([...last.values()], ['Pull complete', 'Pull complete', 'Pull complete']);
  const resolved = await lab.images.resolve(name);
  assert.ok((await lab.snapshots()).includes(resolved.chainId), 'unpacked');
  assert.equal(await lab.inCri(name), id);
  assert.equal(await lab.inCri(`${open.address}/team/app@${push.digest}`), id);
  assert.equal((await lab.images.pull({ reference: name })).upToDate, true);
  assert.equal((await lab.images.pull({ reference: `${open.address}/team/app@${push.digest}` })).id, id);
  await lab.images.remove(id ?? '', true);
});

test('several platforms: all of them are pushed, one is pulled, and what is here can be pushed again', async () => {
  const name = `${open.address}/multi:1`;
  await lab.load([name], { architectures: ['arm64', 'amd64'] });
  const whole = await lab.images.push({ reference: name });
  const native = await lab.images.inspect(name);
  assert.equal(native['Architecture'], 'amd64');
  await lab.images.remove(name, false);

  const pulled = await lab.images.pull({ reference: name });
  assert.equal(pulled.digest, whole.digest);
  assert.equal(pulled.id, native['Id']);
  const part = await lab.images.push({ reference: name });
  assert.notEqual(part.digest, whole.digest, 'the index lacks a platform, so the manifest goes alone');
  assert.equal((await lab.images.pull({ reference: name })).digest, part.digest);
  await lab.images.remove(pulled.id, true);

  const foreign = await lab.images.pull({
    reference: `${open.address}/multi@${whole.digest}`,
    platform: 'linux/arm64',
  });
  assert.equal((await lab.images.inspect(foreign.id))['Architecture'], 'arm64');
  await rejects(
    lab.images.pull({ reference: `${open.address}/multi@${whole.digest}`, platform: 'linux/s390x' }),
    /^no matching manifest for linux\/s390x in the manifest list/,
    'image-not-found',
  );
  await lab.images.remove(foreign.id, true);
});

test('failures are told in words', async () => {
  await lab.load([`${open.address}/known:1`]);
  await lab.images.push({ reference: `${open.address}/known:1` });
  await rejects(
    lab.images.pull({ reference: `${open.address}/known:2` }),
    `manifest for ${open.address}/known:2 not found: manifest unknown`,
    'image-not-found',
  );
  await rejects(lab.images.pull({ reference: 'nosuch.invalid/x' }), 'cannot reach nosuch.invalid: no such host');
  await rejects(lab.images.pull({ reference: '127.0.0.1:1/x' }), 'cannot reach 127.0.0.1:1: connection refused');
  await rejects(lab.images.pull({ reference: 'Up/Per' }), /must be lowercase/, 'bad-input');
  await rejects(lab.images.pull({ reference: 'x', platform: 'a/b/c/d' }), '"a/b/c/d" is not a platform', 'bad-input');
  await rejects(
    lab.images.push({ reference: `${open.address}/unknown` }),
    `An image does not exist locally with the tag: ${open.address}/unknown`,
    'image-not-found',
  );
  assert.equal((await lab.leases()).length, 0, 'no lease is left of failures that fetched nothing');
  await lab.images.remove(`${open.address}/known:1`, false);
});

test('a registry with a login wants the right one, and no log holds it', async () => {
  const name = `${closed.address}/secret/app:1`;
  await lab.load([name]);
  await rejects(lab.images.push({ reference: name }), /wants a login for|is denied/, 'unauthorized');
  const wrong = { username: USER.name, password: 'wrong-word' };
  await rejects(lab.images.push({ reference: name, credentials: wrong }), /unauthorized: incorrect/, 'unauthorized');
  const right = { username: USER.name, password: USER.password };
  await lab.images.push({ reference: name, credentials: right });
  await lab.images.remove(name, false);
  await rejects(lab.images.pull({ reference: name }), /wants a login for|pull access denied/, 'unauthorized');
  await rejects(lab.images.pull({ reference: name, credentials: wrong }), /unauthorized: incorrect/, 'unauthorized');
  const pulled = await lab.images.pull({ reference: name, credentials: right });
  assert.equal((await lab.images.resolve(name)).id, pulled.id);
  const log = await readFile(join(lab.engine.logs, 'containerd.log'), 'utf8');
  for (const secret of [USER.password, 'wrong-word', Buffer.from(`ada:${USER.password}`).toString('base64')]) {
    assert.equal(log.includes(secret), false);
  }
  await lab.images.remove(name, false);
});

test('registries.yaml: a mirror that is down is passed over, and credentials reach pull and CRI', async () => {
  const name = `${closed.address}/mirrored/app:1`;
  await lab.load([name]);
  await lab.images.push({ reference: name, credentials: { username: USER.name, password: USER.password } });
  await lab.images.remove(name, false);
  const file = join(lab.base, 'registries.yaml');
  await writeFile(
    file,
    `mirrors:
  example.test:
    endpoint: ["http://127.0.0.1:1", "http://${closed.address}"]
    rewrite: {"^(.*)$": "mirrored/$1"}
configs:
  "${closed.address}":
    auth: {username: ${USER.name}, password: ${USER.password}}
`,
  );
  const applied = await applyRegistries(file, join(lab.base, 'certs.d'), { relay });
  const configured = lab.imageEngine({ registries: applied });
  const pulled = await configured.pull({ reference: 'example.test/app:1' });
  assert.equal((await configured.resolve('example.test/app:1')).id, pulled.id);
  await configured.remove('example.test/app:1', false);
  // CRI has no other way to get them than the header in the directory that it reads.
  await lab
    .imageEngine({ registries: { ...applied, hostDir: join(lab.base, 'certs.d') } })
    .pull({ reference: 'example.test/app:1' });
  await configured.remove('example.test/app:1', false);
});

test('TLS of an unknown authority is refused in words, and trusted once registries.yaml names it', async () => {
  const secure = await startRegistry({ directory: join(lab.base, 'secure'), tls: true });
  const other = await startRegistry({ directory: join(lab.base, 'other'), tls: true });
  try {
    const name = `${secure.address}/app:1`;
    await lab.load([name]);
    const trusting = async (caFile: string) => {
      const file = join(lab.base, 'tls.yaml');
      await writeFile(file, `configs: {"${secure.address}": {tls: {ca_file: ${caFile}}}}\n`);
      const registries = await applyRegistries(file, join(lab.base, 'tls.d'), { relay });
      return lab.imageEngine({ registries });
    };
    await rejects((await trusting(other.caFile)).push({ reference: name }), /^cannot trust .*: (x509|tls): /);
    await (await trusting(secure.caFile)).push({ reference: name });
    await lab.images.remove(name, false);
    await rejects((await trusting(other.caFile)).pull({ reference: name }), /^cannot trust .*: (x509|tls): /);
    await (await trusting(secure.caFile)).pull({ reference: name });
    await lab.images.remove(name, false);
  } finally {
    await secure.stop();
    await other.stop();
  }
});

test('a cancelled pull leaves nothing, and the next one succeeds', async () => {
  const name = `${open.address}/large:1`;
  await lab.load([name], { layers: 6, bytes: 8 * MIB });
  await lab.images.push({ reference: name });
  await lab.images.remove(name, false);
  const clean = { blobs: await lab.blobs(), snapshots: await lab.snapshots() };
  const abort = new AbortController();
  const pulling = lab.images.pull({
    reference: name,
    signal: abort.signal,
    onEvent: (event) => {
      if (event.kind === 'layer') setTimeout(() => abort.abort(), 60);
    },
  });
  await assert.rejects(pulling, (error) => error instanceof K3cError && error.code === Code.CANCELLED);
  for (let i = 0; i < 40 && (await lab.blobs()).length > clean.blobs.length; i++) await sleep(50);
  assert.deepEqual({ blobs: await lab.blobs(), snapshots: await lab.snapshots() }, clean);
  assert.equal((await lab.containerd.content.listStatuses({})).statuses.length, 0, 'no half of a blob');
  assert.equal((await lab.leases()).length, 0);
  await lab.images.pull({ reference: name });
  await lab.images.remove(name, false);
});

test('a pull whose registry dies is told in words and kept for the next try', async () => {
  const dying = await startRegistry({ directory: join(lab.base, 'dying') });
  const name = `${dying.address}/resumed:1`;
  await lab.load([name], { layers: 8, bytes: 24 * MIB });
  await lab.images.push({ reference: name });
  await lab.images.remove(name, false);
  let killed: Promise<void> | undefined;
  const pulling = lab.images.pull({
    reference: name,
    onEvent: (event) => {
      // At the first word of a layer: an idle machine fetches them all in a tenth of a second.
      if (event.kind === 'layer') killed ??= dying.stop();
    },
  });
  await rejects(pulling, /cannot reach|failed: /);
  await killed;
  const { leases } = await lab.containerd.leases.list({});
  assert.equal(leases.length, 1);
  await lab.collectGarbage();
  const kept = await lab.blobs();
  const again = await startRegistry({ directory: join(lab.base, 'dying'), port: Number(dying.address.split(':')[1]) });
  try {
    await lab.images.pull({ reference: name });
    const after = await lab.blobs();
    assert.ok(kept.every((digest) => after.includes(digest)));
  } finally {
    await again.stop();
    await lab.images.remove(name, false);
    for (const { id } of leases) await lab.containerd.leases.delete({ id, sync: true });
  }
});

test('two pulls of one image at once are both right, and one may be cancelled', async () => {
  const name = `${open.address}/shared:1`;
  await lab.load([name], { layers: 4, bytes: 4 * MIB });
  await lab.images.push({ reference: name });
  await lab.images.remove(name, false);
  const abort = new AbortController();
  const first = lab.images.pull({ reference: name, signal: abort.signal });
  const second = lab.images.pull({ reference: name });
  setTimeout(() => abort.abort(), 80);
  await first.catch((error: unknown) => assert.equal((error as K3cError).code, Code.CANCELLED));
  const { id } = await second;
  const { chainId } = await lab.images.resolve(name);
  assert.ok((await lab.snapshots()).includes(chainId));
  await lab.images.remove(id, false);
});
