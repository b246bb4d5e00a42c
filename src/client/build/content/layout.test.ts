import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ImageLayout } from './layout.ts';

const base = mkdtempSync(join(tmpdir(), 'k3c-layout-'));
after(() => rmSync(base, { recursive: true, force: true }));
const digestOf = (data: string) => `sha256:${createHash('sha256').update(data).digest('hex')}`;

test('blobs are written whole or not at all, and read from anywhere', async () => {
  const layout = new ImageLayout(base);
  const writer = await layout.write();
  await writer.write(Buffer.from('hello '));
  await writer.write(Buffer.from('world'));
  const digest = digestOf('hello world');
  await writer.commit(11, digest);
  assert.equal((await layout.info(digest))?.size, 11);
  const read = async (offset: number, size: number) => {
    const pieces: Buffer[] = [];
    for await (const piece of layout.read(digest, offset, size)) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  };
  assert.deepEqual([await read(0, 0), await read(6, 0), await read(2, 3)], ['hello world', 'world', 'llo']);
  const wrong = await layout.write();
  await wrong.write(Buffer.from('x'));
  await assert.rejects(wrong.commit(0, digest), /unexpected digest/);
  await wrong.abort();
  assert.deepEqual(readdirSync(base), ['blobs']);
  await assert.rejects(layout.info('sha256:../../etc/passwd'), /invalid digest/);
  await assert.rejects(layout.read(digestOf('none'), 0, 0).next(), /not found/);
});

test('the index keeps one entry a name', async () => {
  const layout = new ImageLayout(base);
  const descriptor = (digest: string) => ({ mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 1 });
  assert.equal(await layout.find('latest'), undefined);
  await layout.put(descriptor('sha256:1'), [{ tag: 'latest' }]);
  assert.equal((await layout.find(undefined))?.digest, 'sha256:1');
  await layout.put(descriptor('sha256:2'), [{ tag: 'latest' }, { tag: 'v1', imageName: 'a.io/b:v1' }]);
  assert.equal((await layout.find('latest'))?.digest, 'sha256:2');
  assert.equal((await layout.find('a.io/b:v1'))?.digest, 'sha256:2');
  assert.equal((await layout.find('v1'))?.digest, 'sha256:2');
  const index = JSON.parse(readFileSync(join(base, 'index.json'), 'utf8')) as { manifests: unknown[] };
  assert.equal(index.manifests.length, 2);
  assert.deepEqual(JSON.parse(readFileSync(join(base, 'oci-layout'), 'utf8')), { imageLayoutVersion: '1.0.0' });
});

test('several who write the index at once lose nothing of each other', async () => {
  const directory = mkdtempSync(join(base, 'index-'));
  const tags = Array.from({ length: 8 }, (_, i) => `t${i}`);
  const entry = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: 'sha256:1', size: 1 };
  await Promise.all(tags.map((tag) => new ImageLayout(directory).put(entry, [{ tag }])));
  const layout = new ImageLayout(directory);
  for (const tag of tags) assert.ok(await layout.find(tag), tag);
  assert.deepEqual(readdirSync(directory).sort(), ['index.json', 'oci-layout']);
});
