import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { Code, K3cError, type Reason } from '../../src/api/errors.ts';
import type { Metadata } from '../../src/api/rpc/types.ts';
import { type Containerd, connectContainerd } from '../../src/daemon/backends/containerd.ts';
import { endStaleLeases, withLease } from '../../src/daemon/backends/leases.ts';
import { ContentStore } from '../../src/daemon/engine/images/content.ts';
import { createImageEngine, type ImageEngine } from '../../src/daemon/engine/images/images.ts';
import type { ImageUser } from '../../src/daemon/engine/images/parts.ts';
import { ensurePauseImage } from '../../src/daemon/engine/images/pause.ts';
import { applyRegistries } from '../../src/daemon/engine/images/registries.ts';
import type { TransferEvent } from '../../src/daemon/engine/images/transfer-events.ts';
import { silentLog } from '../../src/host/log.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { tarOf, writeLayeredImage } from '../support/layers.ts';
import { type Registry, startRegistry } from '../support/registry.ts';

const USER = { name: 'ada', password: 's3cret-word' };
const MIB = 1 << 20;

let base: string;
let engine: Engine;
let containerd: Containerd;
let images: ImageEngine;
let open: Registry;
let closed: Registry;
let users: ImageUser[] = [];

before(async () => {
  base = await mkdtemp(join(tmpdir(), 'k3c-im-'));
  engine = await startEngine({ root: join(base, 'root'), state: join(base, 's'), buildkit: false });
  open = await startRegistry({ directory: join(base, 'open') });
  closed = await startRegistry({ directory: join(base, 'closed'), user: USER });
  containerd = connectContainerd(engine.containerdSocket);
  images = createImageEngine({
    containerd,
    snapshotter: 'overlayfs',
    log: { ...silentLog, warn: (f: object, m: string) => console.log(f, m) },
    containersUsing: () => users,
  });
});

after(async () => {
  containerd?.close();
  await open?.stop();
  await closed?.stop();
  await engine?.stop();
  await rm(base, { recursive: true, force: true });
});

interface Sample {
  layers?: number;
  bytes?: number;
  docker?: boolean;
  architectures?: string[];
}

async function load(names: readonly string[], options: Sample = {}) {
  const archive = join(base, 'load.tar');
  const { layers = 3, bytes = 64 << 10, ...rest } = options;
  await writeLayeredImage(archive, { layers, bytesPerLayer: bytes, names, ...rest });
  return images.load(createReadStream(archive));
}

/** containerd collects while a deletion that asks for it waits. */
async function collectGarbage(): Promise<void> {
  await containerd.leases.create({ id: 'k3c-test' });
  await containerd.leases.delete({ id: 'k3c-test', sync: true });
}

async function blobs(): Promise<string[]> {
  const digests: string[] = [];
  for await (const { info } of containerd.content.list({})) digests.push(...info.map((each) => each.digest));
  return digests.sort();
}

async function snapshots(): Promise<string[]> {
  const names: string[] = [];
  for await (const { info } of containerd.snapshots.list({ snapshotter: 'overlayfs' })) {
    names.push(...info.map((each) => each.name));
  }
  return names.sort();
}

async function inCri(name: string): Promise<string | undefined> {
  return (await containerd.criImages.imageStatus({ image: { image: name } })).image?.id;
}

function rejects(work: Promise<unknown>, message: string | RegExp, reason?: Reason): Promise<void> {
  return assert.rejects(work, (error) => {
    assert.ok(error instanceof K3cError, String(error));
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    if (reason !== undefined) assert.equal(error.reason, reason);
    return true;
  });
}

test('push, remove, pull: the image comes back whole, runnable and known to CRI', async () => {
  await collectGarbage();
  const empty = { blobs: await blobs(), snapshots: await snapshots() };
  const name = `${open.address}/team/app:1`;
  const [loaded] = await load([name]);
  assert.equal(loaded?.name, name);
  const id = loaded?.id;
  assert.equal(await inCri(name), id);

  const pushed: TransferEvent[] = [];
  const push = await images.push({ reference: name, onEvent: (event) => pushed.push(event) });
  assert.deepEqual(pushed[0], { kind: 'status', text: `The push refers to repository [${open.address}/team/app]` });
  assert.equal(pushed.filter((event) => event.kind === 'layer' && event.layer.status === 'Pushed').length, 3);
  const again: TransferEvent[] = [];
  await images.push({ reference: name, onEvent: (event) => again.push(event) });
  assert.equal(
    again.filter((event) => event.kind === 'layer' && event.layer.status === 'Layer already exists').length,
    3,
  );
  assert.deepEqual((await images.inspect(name))['RepoDigests'], [`${open.address}/team/app@${push.digest}`]);

  const removed = await images.remove(name, false);
  assert.deepEqual(removed.untagged, [name, `${open.address}/team/app@${push.digest}`]);
  assert.equal(removed.deleted[0], id);
  assert.equal(removed.deleted.length, 4, 'the id and three snapshots');
  assert.deepEqual({ blobs: await blobs(), snapshots: await snapshots() }, empty, 'everything is freed at once');
  assert.equal(await inCri(name), undefined);
  await rejects(images.resolve(name), `No such image: ${name}`, 'image-not-found');

  const events: TransferEvent[] = [];
  const pull = await images.pull({ reference: name, onEvent: (event) => events.push(event) });
  assert.deepEqual([pull.id, pull.digest, pull.upToDate], [id, push.digest, false]);
  assert.deepEqual(events[0], { kind: 'status', text: '1: Pulling from team/app' });
  const last = new Map<string, string>();
  for (const event of events) if (event.kind === 'layer') last.set(event.layer.id, event.layer.status);
  assert.deepEqual([...last.values()], ['Pull complete', 'Pull complete', 'Pull complete']);
  const resolved = await images.resolve(name);
  assert.ok((await snapshots()).includes(resolved.chainId), 'unpacked');
  assert.equal(await inCri(name), id);
  assert.equal(await inCri(`${open.address}/team/app@${push.digest}`), id);
  assert.equal((await images.pull({ reference: name })).upToDate, true);
  assert.equal((await images.pull({ reference: `${open.address}/team/app@${push.digest}` })).id, id);
  await images.remove(id ?? '', true);
});

test('several platforms: all of them are pushed, one is pulled, and what is here can be pushed again', async () => {
  const name = `${open.address}/multi:1`;
  await load([name], { architectures: ['arm64', 'amd64'] });
  const whole = await images.push({ reference: name });
  const native = await images.inspect(name);
  assert.equal(native['Architecture'], 'amd64');
  await images.remove(name, false);

  const pulled = await images.pull({ reference: name });
  assert.equal(pulled.digest, whole.digest);
  assert.equal(pulled.id, native['Id']);
  const part = await images.push({ reference: name });
  assert.notEqual(part.digest, whole.digest, 'the index lacks a platform, so the manifest goes alone');
  assert.equal((await images.pull({ reference: name })).digest, part.digest);
  await images.remove(pulled.id, true);

  const foreign = await images.pull({ reference: `${open.address}/multi@${whole.digest}`, platform: 'linux/arm64' });
  assert.equal((await images.inspect(foreign.id))['Architecture'], 'arm64');
  await rejects(
    images.pull({ reference: `${open.address}/multi@${whole.digest}`, platform: 'linux/s390x' }),
    /^no matching manifest for linux\/s390x in the manifest list/,
    'image-not-found',
  );
  await images.remove(foreign.id, true);
});

test('failures are told in words', async () => {
  await load([`${open.address}/known:1`]);
  await images.push({ reference: `${open.address}/known:1` });
  await rejects(
    images.pull({ reference: `${open.address}/known:2` }),
    `manifest for ${open.address}/known:2 not found: manifest unknown`,
    'image-not-found',
  );
  await rejects(images.pull({ reference: 'nosuch.invalid/x' }), 'cannot reach nosuch.invalid: no such host');
  await rejects(images.pull({ reference: '127.0.0.1:1/x' }), 'cannot reach 127.0.0.1:1: connection refused');
  await rejects(images.pull({ reference: 'Up/Per' }), /must be lowercase/, 'bad-input');
  await rejects(images.pull({ reference: 'x', platform: 'a/b/c/d' }), '"a/b/c/d" is not a platform', 'bad-input');
  await rejects(
    images.push({ reference: `${open.address}/unknown` }),
    `An image does not exist locally with the tag: ${open.address}/unknown:latest`,
    'image-not-found',
  );
  assert.equal(
    (await containerd.leases.list({})).leases.length,
    0,
    'no lease is left of failures that fetched nothing',
  );
  await images.remove(`${open.address}/known:1`, false);
});

test('a registry with a login wants the right one, and no log holds it', async () => {
  const name = `${closed.address}/secret/app:1`;
  await load([name]);
  await rejects(images.push({ reference: name }), /wants a login for|is denied/, 'unauthorized');
  const wrong = { username: USER.name, password: 'wrong-word' };
  await rejects(images.push({ reference: name, credentials: wrong }), /unauthorized: incorrect/, 'unauthorized');
  const right = { username: USER.name, password: USER.password };
  await images.push({ reference: name, credentials: right });
  await images.remove(name, false);
  await rejects(images.pull({ reference: name }), /wants a login for|pull access denied/, 'unauthorized');
  await rejects(images.pull({ reference: name, credentials: wrong }), /unauthorized: incorrect/, 'unauthorized');
  const pulled = await images.pull({ reference: name, credentials: right });
  assert.equal((await images.resolve(name)).id, pulled.id);
  const log = await readFile(join(engine.logs, 'containerd.log'), 'utf8');
  for (const secret of [USER.password, 'wrong-word', Buffer.from(`ada:${USER.password}`).toString('base64')]) {
    assert.equal(log.includes(secret), false);
  }
  await images.remove(name, false);
});

test('registries.yaml: a mirror that is down is passed over, and credentials reach pull and CRI', async () => {
  const name = `${closed.address}/mirrored/app:1`;
  await load([name]);
  await images.push({ reference: name, credentials: { username: USER.name, password: USER.password } });
  await images.remove(name, false);
  const file = join(base, 'registries.yaml');
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
  const applied = await applyRegistries(file, join(base, 'certs.d'));
  const configured = createImageEngine({
    containerd,
    snapshotter: 'overlayfs',
    log: silentLog,
    hostDir: applied.hostDir,
    registryCredentials: applied.credentials,
  });
  const pulled = await configured.pull({ reference: 'example.test/app:1' });
  assert.equal((await configured.resolve('example.test/app:1')).id, pulled.id);
  await configured.remove('example.test/app:1', false);
  // CRI has no other way to get them than the header in the directory that it reads.
  const asCri = { containerd, snapshotter: 'overlayfs', log: silentLog, hostDir: join(base, 'certs.d') };
  await createImageEngine(asCri).pull({ reference: 'example.test/app:1' });
  await configured.remove('example.test/app:1', false);
});

test('TLS of an unknown authority is refused in words, and trusted once registries.yaml names it', async () => {
  const secure = await startRegistry({ directory: join(base, 'secure'), tls: true });
  const other = await startRegistry({ directory: join(base, 'other'), tls: true });
  try {
    const name = `${secure.address}/app:1`;
    await load([name]);
    const trusting = async (caFile: string) => {
      const file = join(base, 'tls.yaml');
      await writeFile(file, `configs: {"${secure.address}": {tls: {ca_file: ${caFile}}}}\n`);
      const { hostDir } = await applyRegistries(file, join(base, 'tls.d'));
      return createImageEngine({ containerd, snapshotter: 'overlayfs', log: silentLog, hostDir });
    };
    await rejects((await trusting(other.caFile)).push({ reference: name }), /^cannot trust .*: (x509|tls): /);
    await (await trusting(secure.caFile)).push({ reference: name });
    await images.remove(name, false);
    await rejects((await trusting(other.caFile)).pull({ reference: name }), /^cannot trust .*: (x509|tls): /);
    await (await trusting(secure.caFile)).pull({ reference: name });
    await images.remove(name, false);
  } finally {
    await secure.stop();
    await other.stop();
  }
});

test('a cancelled pull leaves nothing, and the next one succeeds', async () => {
  const name = `${open.address}/large:1`;
  await load([name], { layers: 6, bytes: 8 * MIB });
  await images.push({ reference: name });
  await images.remove(name, false);
  const clean = { blobs: await blobs(), snapshots: await snapshots() };
  const abort = new AbortController();
  const pulling = images.pull({
    reference: name,
    signal: abort.signal,
    onEvent: (event) => {
      if (event.kind === 'layer') setTimeout(() => abort.abort(), 60);
    },
  });
  await assert.rejects(pulling, (error) => error instanceof K3cError && error.code === Code.CANCELLED);
  for (let i = 0; i < 40 && (await blobs()).length > clean.blobs.length; i++) await sleep(50);
  assert.deepEqual({ blobs: await blobs(), snapshots: await snapshots() }, clean);
  assert.equal((await containerd.content.listStatuses({})).statuses.length, 0, 'no half of a blob');
  assert.equal((await containerd.leases.list({})).leases.length, 0);
  await images.pull({ reference: name });
  await images.remove(name, false);
});

test('work that a killed daemon was in the middle of is given up at the next start', async () => {
  const clean = await blobs();
  // The half of a load whose daemon was killed: a blob that only its lease holds, and nobody to end the lease.
  const never = new Promise<never>(() => undefined);
  let metadata: Metadata = [];
  const begun = new Promise<void>((resolve) => {
    void withLease(containerd.leases, {}, (lease) => {
      metadata = lease;
      resolve();
      return never;
    });
  });
  await begun;
  await new ContentStore(containerd.content).write([Buffer.from('half')], { metadata });
  await collectGarbage();
  assert.equal((await blobs()).length, clean.length + 1, 'a lease that is alive protects it');
  await endStaleLeases(containerd.leases);
  await collectGarbage();
  assert.deepEqual(await blobs(), clean);
});

test('a pull whose registry dies is told in words and kept for the next try', async () => {
  const dying = await startRegistry({ directory: join(base, 'dying') });
  const name = `${dying.address}/resumed:1`;
  await load([name], { layers: 8, bytes: 8 * MIB });
  await images.push({ reference: name });
  await images.remove(name, false);
  let killed: Promise<void> | undefined;
  const pulling = images.pull({
    reference: name,
    onEvent: (event) => {
      if (event.kind === 'layer') killed ??= sleep(100).then(() => dying.stop());
    },
  });
  await rejects(pulling, /cannot reach|failed: /);
  await killed;
  const { leases } = await containerd.leases.list({});
  assert.equal(leases.length, 1);
  await collectGarbage();
  const kept = await blobs();
  const again = await startRegistry({ directory: join(base, 'dying'), port: Number(dying.address.split(':')[1]) });
  try {
    await images.pull({ reference: name });
    const after = await blobs();
    assert.ok(kept.every((digest) => after.includes(digest)));
  } finally {
    await again.stop();
    await images.remove(name, false);
    for (const { id } of leases) await containerd.leases.delete({ id, sync: true });
  }
});

test('two pulls of one image at once are both right, and one may be cancelled', async () => {
  const name = `${open.address}/shared:1`;
  await load([name], { layers: 4, bytes: 4 * MIB });
  await images.push({ reference: name });
  await images.remove(name, false);
  const abort = new AbortController();
  const first = images.pull({ reference: name, signal: abort.signal });
  const second = images.pull({ reference: name });
  setTimeout(() => abort.abort(), 80);
  await first.catch((error: unknown) => assert.equal((error as K3cError).code, Code.CANCELLED));
  const { id } = await second;
  const { chainId } = await images.resolve(name);
  assert.ok((await snapshots()).includes(chainId));
  await images.remove(id, false);
});

test('rmi: names one by one, ids, conflicts in docker words', async () => {
  const [image] = await load(['one:1']);
  const id = image?.id ?? '';
  const short = id.slice(7, 19);
  await images.tag('one:1', 'two:1');
  await images.tag(short, `${open.address}/three`);
  await rejects(
    images.remove(short, false),
    `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
    'image-in-use',
  );
  assert.deepEqual(await images.remove('one:1', false), { untagged: ['one:1'], deleted: [] });
  assert.deepEqual(await images.remove(`${open.address}/three:latest`, false), {
    untagged: [`${open.address}/three:latest`],
    deleted: [],
  });
  users = [{ id: 'c'.repeat(64), running: false }];
  await rejects(
    images.remove('two:1', false),
    `conflict: unable to remove repository reference "two:1" (must force) - container cccccccccccc is using its ` +
      `referenced image ${short}`,
    'image-in-use',
  );
  await rejects(images.remove(short, false), /must be forced\) - image is being used by stopped container/);
  users = [{ id: 'c'.repeat(64), running: true }];
  await rejects(images.remove(short, true), /cannot be forced\) - image is being used by running container/);
  assert.deepEqual(await images.remove('two:1', true), { untagged: ['two:1'], deleted: [] });
  assert.deepEqual(
    (await images.list({ filters: { dangling: ['true'] } })).map((each) => each.id),
    [id],
  );
  users = [];
  const removed = await images.remove(short, false);
  assert.deepEqual([removed.untagged, removed.deleted[0]], [[], id]);
  await rejects(images.remove(short, false), `No such image: ${short}`, 'image-not-found');
  await rejects(images.tag('one:1', 'x'), 'No such image: one:1', 'image-not-found');
});

test('a name that moves on leaves its old image dangling', async () => {
  const [old] = await load(['moving:1']);
  const [fresh] = await load(['moving:1']);
  assert.notEqual(old?.id, fresh?.id);
  assert.equal((await images.resolve('moving:1')).id, fresh?.id);
  assert.equal((await images.resolve(old?.id ?? '')).id, old?.id);
  await images.remove(old?.id ?? '', false);
  await images.remove('moving:1', false);
});

test('list: sizes, labels and filters', async () => {
  await load(['docker.io/library/listed:1', 'quay.io/a/listed:2']);
  const one = async (filters: Record<string, string[]>) =>
    (await images.list({ filters })).flatMap((image) => image.tags);
  const both = ['listed:1', 'quay.io/a/listed:2'];
  assert.deepEqual(await one({ reference: ['listed'] }), both);
  assert.deepEqual(await one({ reference: ['quay.io/a/*'] }), both);
  assert.deepEqual(await one({ reference: ['*:9'] }), []);
  assert.deepEqual(await one({ label: ['stage=test', 'org.k3c'] }), both);
  assert.deepEqual(await one({ label: ['stage=prod'] }), []);
  assert.deepEqual(await one({ before: ['listed:1'] }), ['busybox:test']);
  assert.deepEqual(await one({ since: ['busybox:test'] }), both);
  await rejects(images.list({ filters: { colour: ['red'] } }), "invalid filter 'colour'", 'bad-input');
  const [listed] = await images.list({ filters: { reference: ['listed'] } });
  assert.ok((listed?.size ?? 0) >= 3 * (64 << 10), `unpacked size ${listed?.size}`);
  await images.remove('listed:1', false);
  await images.remove('quay.io/a/listed:2', false);
});

test('load takes docker archives, several names, nameless images, and refuses what is none', async () => {
  const loaded = await load(['docker.io/library/from-docker:1', 'docker.io/library/from-docker:2'], { docker: true });
  assert.deepEqual(loaded.map((image) => image.name).sort(), ['from-docker:1', 'from-docker:2']);
  assert.equal(await inCri('from-docker:1'), loaded[0]?.id);
  await images.remove(loaded[0]?.id ?? '', true);
  const [nameless] = await load([]);
  assert.equal(nameless?.name, undefined);
  assert.equal(await inCri(nameless?.id ?? ''), nameless?.id);
  assert.deepEqual((await images.inspect(nameless?.id ?? ''))['RepoTags'], []);
  await images.remove(nameless?.id ?? '', false);
  const clean = await blobs();
  await rejects(
    images.load(Readable.from([Buffer.from('no archive at all')])),
    /^cannot load the archive: /,
    'bad-input',
  );
  await rejects(images.load(Readable.from([tarOf('etc/motd', Buffer.from('hi'))])), /^cannot load|holds no image/);
  assert.deepEqual(await blobs(), clean);
});

test('a load whose sender goes away leaves nothing', async () => {
  const archive = join(base, 'cut.tar');
  await writeLayeredImage(archive, { layers: 2, bytesPerLayer: MIB, names: ['cut:1'] });
  const whole = await readFile(archive);
  const clean = await blobs();
  async function* cut(): AsyncGenerator<Buffer> {
    yield whole.subarray(0, whole.length / 2);
    await sleep(50);
    throw new K3cError(Code.CANCELLED, 'the caller went away');
  }
  await assert.rejects(images.load(cut()), (error) => error instanceof K3cError && error.code === Code.CANCELLED);
  for (let i = 0; i < 40 && (await blobs()).length > clean.length; i++) await sleep(50);
  assert.deepEqual(await blobs(), clean);
  await rejects(images.resolve('cut:1'), /No such image/);
});

for (const [kind, compress] of [
  ['plain', (data: Buffer) => data],
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
] as const) {
  test(`import of a ${kind} tar, with changes`, async () => {
    const tar = compress(tarOf('hello', Buffer.alloc(3 * MIB, kind)));
    const id = await images.import({
      reference: 'imported:1',
      message: 'made by hand',
      changes: ['CMD ["/hello", "x"]', 'ENV A=1 B="two words"', 'EXPOSE 80 53/udp', 'LABEL x=y', 'WORKDIR /w'],
      bytes: Readable.from([tar.subarray(0, 700), tar.subarray(700)]),
    });
    const document = await images.inspect('imported:1');
    assert.equal(document['Id'], id);
    assert.equal(document['Comment'], 'made by hand');
    assert.deepEqual(document['Config'], {
      Cmd: ['/hello', 'x'],
      Env: ['A=1', 'B=two words'],
      ExposedPorts: { '80/tcp': {}, '53/udp': {} },
      Labels: { x: 'y' },
      WorkingDir: '/w',
    });
    const { chainId } = await images.resolve('imported:1');
    assert.ok((await snapshots()).includes(chainId));
    assert.equal(await inCri('imported:1'), id);
    await images.remove('imported:1', false);
    assert.equal((await snapshots()).includes(chainId), false);
  });
}

test('import refuses what is no tar, and leaves nothing of it', async () => {
  const clean = { blobs: await blobs(), snapshots: await snapshots() };
  const bytes = (data: Buffer) => ({ reference: 'bad:1', message: '', changes: [], bytes: Readable.from([data]) });
  await rejects(images.import(bytes(Buffer.alloc(2048, 'x'))), /^cannot unpack the tar/, 'bad-input');
  await rejects(images.import(bytes(gzipSync(Buffer.alloc(99_999)).subarray(0, 60))), /damaged or incomplete/);
  await rejects(images.import(bytes(Buffer.from('BZh91AY&SY'))), /compressed with bzip2/);
  await rejects(images.import({ ...bytes(tarOf('a', Buffer.from('a'))), changes: ['FROM x'] }), /not a valid change/);
  await rejects(images.import({ ...bytes(Buffer.alloc(0)) }), /the tar is empty/);
  for (let i = 0; i < 40 && (await blobs()).length > clean.blobs.length; i++) await sleep(50);
  assert.deepEqual({ blobs: await blobs(), snapshots: await snapshots() }, clean);
});

test('the pause image is pinned, hidden, the same every time, and cannot be removed', async () => {
  const binary = join(base, 'pause');
  const name = 'k3c.internal/pause:1';
  await writeFile(binary, 'old');
  await ensurePauseImage(containerd, binary, name);
  await writeFile(binary, 'new');
  await ensurePauseImage(containerd, binary, name);
  const first = await images.resolve(name);
  await ensurePauseImage(containerd, binary, name);
  assert.equal((await images.resolve(name)).id, first.id);
  const { image } = await containerd.criImages.imageStatus({ image: { image: name } });
  assert.deepEqual([image?.id, image?.pinned], [first.id, true]);
  assert.equal(
    (await images.list()).some((each) => each.id === first.id),
    false,
  );
  const all = (await images.list({ all: true })).filter((each) => each.tags.includes(name));
  assert.deepEqual(
    all.map((each) => each.id),
    [first.id],
  );
  await rejects(images.remove(name, true), /image is pinned/, 'image-in-use');
});
