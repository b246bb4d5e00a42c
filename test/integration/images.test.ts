import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { Code, K3cError } from '../../src/api/errors.ts';
import type { Metadata } from '../../src/api/rpc/types.ts';
import { endStaleLeases, withLease } from '../../src/daemon/backends/leases.ts';
import { ContentStore } from '../../src/daemon/engine/images/content.ts';
import { ensurePauseImage } from '../../src/daemon/engine/images/pause.ts';
import { ImageLab, rejects } from '../support/image-lab.ts';
import { tarOf, writeLayeredImage } from '../support/layers.ts';

const MIB = 1 << 20;

let lab: ImageLab;
before(async () => {
  lab = await ImageLab.start();
});
after(() => lab?.stop());

test('work that a killed daemon was in the middle of is given up at the next start', async () => {
  await lab.collectGarbage();
  const clean = await lab.blobs();
  // The half of a load whose daemon was killed: a blob that only its lease holds, and nobody to end the lease.
  const never = new Promise<never>(() => undefined);
  let metadata: Metadata = [];
  const begun = new Promise<void>((resolve) => {
    void withLease(lab.containerd.leases, {}, (lease) => {
      metadata = lease;
      resolve();
      return never;
    });
  });
  await begun;
  await new ContentStore(lab.containerd.content).write([Buffer.from('half')], { metadata });
  await lab.collectGarbage();
  assert.equal((await lab.blobs()).length, clean.length + 1, 'a lease that is alive protects it');
  await endStaleLeases(lab.containerd.leases);
  await lab.collectGarbage();
  assert.deepEqual(await lab.blobs(), clean);
});

test('rmi: names one by one, ids, conflicts in docker words', async () => {
  const [image] = await lab.load(['one:1']);
  const id = image?.id ?? '';
  const short = id.slice(7, 19);
  await lab.images.tag('one:1', 'two:1');
  await lab.images.tag(short, `quay.io/b/three`);
  await rejects(
    lab.images.remove(short, false),
    `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
    'image-in-use',
  );
  assert.deepEqual(await lab.images.remove('one:1', false), { untagged: ['one:1'], deleted: [] });
  assert.deepEqual(await lab.images.remove(`quay.io/b/three:latest`, false), {
    untagged: [`quay.io/b/three:latest`],
    deleted: [],
  });
  lab.users = [{ id: 'c'.repeat(64), running: false }];
  await rejects(
    lab.images.remove('two:1', false),
    `conflict: unable to remove repository reference "two:1" (must force) - container cccccccccccc is using its ` +
      `referenced image ${short}`,
    'image-in-use',
  );
  await rejects(lab.images.remove(short, false), /must be forced\) - image is being used by stopped container/);
  lab.users = [{ id: 'c'.repeat(64), running: true }];
  await rejects(lab.images.remove(short, true), /cannot be forced\) - image is being used by running container/);
  assert.deepEqual(await lab.images.remove('two:1', true), { untagged: ['two:1'], deleted: [] });
  assert.deepEqual(
    (await lab.images.list({ filters: { dangling: ['true'] } })).map((each) => each.id),
    [id],
  );
  lab.users = [];
  const removed = await lab.images.remove(short, false);
  assert.deepEqual([removed.untagged, removed.deleted[0]], [[], id]);
  await rejects(lab.images.remove(short, false), `No such image: ${short}:latest`, 'image-not-found');
  await rejects(lab.images.tag('one:1', 'x'), 'No such image: one:1', 'image-not-found');
});

test('a name that moves on leaves its old image dangling', async () => {
  const [old] = await lab.load(['moving:1']);
  const [fresh] = await lab.load(['moving:1']);
  assert.notEqual(old?.id, fresh?.id);
  assert.equal((await lab.images.resolve('moving:1')).id, fresh?.id);
  assert.equal((await lab.images.resolve(old?.id ?? '')).id, old?.id);
  await lab.images.remove(old?.id ?? '', false);
  await lab.images.remove('moving:1', false);
});

test('list: sizes, labels and filters', async () => {
  await lab.load(['docker.io/library/listed:1', 'quay.io/a/listed:2']);
  const one = async (filters: Record<string, string[]>) =>
    (await lab.images.list({ filters })).flatMap((image) => image.tags);
  const both = ['listed:1', 'quay.io/a/listed:2'];
  assert.deepEqual(await one({ reference: ['listed'] }), ['listed:1']);
  assert.deepEqual(await one({ reference: ['quay.io/a/*'] }), ['quay.io/a/listed:2']);
  assert.deepEqual(await one({ reference: ['*:9'] }), []);
  assert.deepEqual(await one({ label: ['stage=test', 'org.k3c'] }), both);
  assert.deepEqual(await one({ label: ['stage=prod'] }), []);
  assert.deepEqual(await one({ before: ['listed:1'] }), ['busybox:test']);
  assert.deepEqual(await one({ since: ['busybox:test'] }), both);
  await rejects(lab.images.list({ filters: { colour: ['red'] } }), "invalid filter 'colour'", 'bad-input');
  const [listed] = await lab.images.list({ filters: { reference: ['listed'] } });
  assert.ok((listed?.size ?? 0) >= 3 * (64 << 10), `unpacked size ${listed?.size}`);
  await lab.images.remove('listed:1', false);
  await lab.images.remove('quay.io/a/listed:2', false);
});

test('load takes docker archives, several names, nameless images, and refuses what is none', async () => {
  const loaded = await lab.load(['docker.io/library/from-docker:1', 'docker.io/library/from-docker:2'], {
    docker: true,
  });
  assert.deepEqual(loaded.map((image) => image.name).sort(), ['from-docker:1', 'from-docker:2']);
  assert.equal(await lab.inCri('from-docker:1'), loaded[0]?.id);
  await lab.images.remove(loaded[0]?.id ?? '', true);
  const [nameless] = await lab.load([]);
  assert.equal(nameless?.name, undefined);
  assert.equal(await lab.inCri(nameless?.id ?? ''), nameless?.id);
  assert.deepEqual((await lab.images.inspect(nameless?.id ?? ''))['RepoTags'], []);
  await lab.images.remove(nameless?.id ?? '', false);
  const clean = await lab.blobs();
  await rejects(
    lab.images.load(Readable.from([Buffer.from('no archive at all')])),
    /^cannot load the archive: /,
    'bad-input',
  );
  await rejects(lab.images.load(Readable.from([tarOf('etc/motd', Buffer.from('hi'))])), /^cannot load|holds no image/);
  assert.deepEqual(await lab.blobs(), clean);
});

test('a load whose sender goes away leaves nothing', async () => {
  const archive = join(lab.base, 'cut.tar');
  await writeLayeredImage(archive, { layers: 2, bytesPerLayer: MIB, names: ['cut:1'] });
  const whole = await readFile(archive);
  const clean = await lab.blobs();
  async function* cut(): AsyncGenerator<Buffer> {
    yield whole.subarray(0, whole.length / 2);
    await sleep(50);
    throw new K3cError(Code.CANCELLED, 'the caller went away');
  }
  await assert.rejects(lab.images.load(cut()), (error) => error instanceof K3cError && error.code === Code.CANCELLED);
  for (let i = 0; i < 40 && (await lab.blobs()).length > clean.length; i++) await sleep(50);
  assert.deepEqual(await lab.blobs(), clean);
  await rejects(lab.images.resolve('cut:1'), /No such image/);
});

for (const [kind, compress] of [
  ['plain', (data: Buffer) => data],
  ['gzip', gzipSync],
  ['zstd', zstdCompressSync],
] as const) {
  test(`import of a ${kind} tar, with changes`, async () => {
    const tar = compress(tarOf('hello', Buffer.alloc(3 * MIB, kind)));
    const id = await lab.images.import({
      reference: 'imported:1',
      message: 'made by hand',
      changes: ['CMD ["/hello", "x"]', 'ENV A=1 B="two words"', 'EXPOSE 80 53/udp', 'LABEL x=y', 'WORKDIR /w'],
      bytes: Readable.from([tar.subarray(0, 700), tar.subarray(700)]),
    });
    const document = await lab.images.inspect('imported:1');
    assert.equal(document['Id'], id);
    assert.equal(document['Comment'], 'made by hand');
    assert.deepEqual(document['Config'], {
      Cmd: ['/hello', 'x'],
      Entrypoint: null,
      Env: ['A=1', 'B=two words'],
      ExposedPorts: { '80/tcp': {}, '53/udp': {} },
      Labels: { x: 'y' },
      User: '',
      Volumes: null,
      WorkingDir: '/w',
    });
    const { chainId } = await lab.images.resolve('imported:1');
    assert.ok((await lab.snapshots()).includes(chainId));
    assert.equal(await lab.inCri('imported:1'), id);
    await lab.images.remove('imported:1', false);
    assert.equal((await lab.snapshots()).includes(chainId), false);
  });
}

test('import refuses what is no tar, and leaves nothing of it', async () => {
  const clean = { blobs: await lab.blobs(), snapshots: await lab.snapshots() };
  const bytes = (data: Buffer) => ({ reference: 'bad:1', message: '', changes: [], bytes: Readable.from([data]) });
  await rejects(lab.images.import(bytes(Buffer.alloc(2048, 'x'))), /^cannot unpack the tar/, 'bad-input');
  await rejects(lab.images.import(bytes(gzipSync(Buffer.alloc(99_999)).subarray(0, 60))), /damaged or incomplete/);
  await rejects(lab.images.import(bytes(Buffer.from('BZh91AY&SY'))), /compressed with bzip2/);
  await rejects(
    lab.images.import({ ...bytes(tarOf('a', Buffer.from('a'))), changes: ['FROM x'] }),
    /not a valid change/,
  );
  await rejects(lab.images.import({ ...bytes(Buffer.alloc(0)) }), /the tar is empty/);
  for (let i = 0; i < 40 && (await lab.blobs()).length > clean.blobs.length; i++) await sleep(50);
  assert.deepEqual({ blobs: await lab.blobs(), snapshots: await lab.snapshots() }, clean);
});

test('the pause image is pinned, hidden, the same every time, and cannot be removed', async () => {
  const binary = join(lab.base, 'pause');
  const name = 'k3c.internal/pause:1';
  await writeFile(binary, 'old');
  await ensurePauseImage(lab.containerd, binary, name);
  await writeFile(binary, 'new');
  await ensurePauseImage(lab.containerd, binary, name);
  const first = await lab.images.resolve(name);
  await ensurePauseImage(lab.containerd, binary, name);
  assert.equal((await lab.images.resolve(name)).id, first.id);
  const { image } = await lab.containerd.criImages.imageStatus({ image: { image: name } });
  assert.deepEqual([image?.id, image?.pinned], [first.id, true]);
  assert.equal(
    (await lab.images.list()).some((each) => each.id === first.id),
    false,
  );
  const all = (await lab.images.list({ all: true })).filter((each) => each.tags.includes(name));
  assert.deepEqual(
    all.map((each) => each.id),
    [first.id],
  );
  await rejects(lab.images.remove(name, true), /image is pinned/, 'image-in-use');
});
