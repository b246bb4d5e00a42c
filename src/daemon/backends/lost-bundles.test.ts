import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeLostBundles } from './lost-bundles.ts';

test('hidden bundles go, with what is in them and nothing that they point at; others stay', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'k3c-bundles-'));
  t.after(() => rm(directory, { recursive: true }));
  const places = { containerdState: join(directory, 'state'), containerdRoot: join(directory, 'root') };
  assert.equal(await removeLostBundles(places), 0);
  const [state, root] = [places.containerdState, places.containerdRoot].map((place) =>
    join(place, 'io.containerd.runtime.v2.task/k8s.io'),
  );
  assert.ok(state && root);
  for (const path of [join(state, '.1a'), join(state, '2b'), join(root, '.3c'), join(root, '1a')])
    await mkdir(path, { recursive: true });
  await writeFile(join(state, '.1a/config.json'), '{}');
  await symlink(join(root, '1a'), join(state, '.1a/work'));
  await writeFile(join(root, '1a/file'), '');
  assert.equal(await removeLostBundles(places), 2);
  assert.deepEqual(await readdir(state), ['2b']);
  assert.deepEqual(await readdir(root), ['1a']);
  assert.deepEqual(await readdir(join(root, '1a')), ['file']);
});
