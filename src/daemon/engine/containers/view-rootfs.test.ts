import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { mountReadOnly } from '../../../host/mount.ts';
import type { EngineContext } from './context.ts';
import { removeViews, viewRootfs } from './view-rootfs.ts';

describe('a look into a container', { skip: process.getuid?.() !== 0 && 'only root may mount' }, () => {
  let directory: string;
  let layer: { type: string; source: string; options: string[] };
  let context: EngineContext;
  const views = () => readdirSync(join(directory, 'view'));
  const mounted = () => readFileSync('/proc/self/mounts', 'utf8').includes(` ${directory}/view/`);

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'k3c-view-'));
    mkdirSync(join(directory, 'layer'));
    writeFileSync(join(directory, 'layer/file'), 'text');
    layer = { type: 'bind', source: join(directory, 'layer'), options: ['rbind', 'rw'] };
    context = {
      paths: { state: directory },
      snapshotter: 'native',
      containerd: { snapshots: { mounts: () => Promise.resolve({ mounts: [layer] }) } },
    } as unknown as EngineContext;
  });
  afterEach(async () => {
    await removeViews(context);
    rmSync(directory, { recursive: true });
  });

  test('sees its files, cannot change them, and leaves no mount', async () => {
    const seen = await viewRootfs(context, 'id', (root) => {
      assert.throws(() => writeFileSync(join(root, 'file'), 'x'), { code: 'EROFS' });
      return Promise.resolve(readFileSync(join(root, 'file'), 'utf8'));
    });
    assert.equal(seen, 'text');
    assert.deepEqual([views(), mounted()], [[], false]);
  });

  test('leaves no mount when the look fails', async () => {
    await assert.rejects(
      viewRootfs(context, 'id', () => Promise.reject(new Error('no'))),
      { message: 'no' },
    );
    assert.deepEqual([views(), mounted()], [[], false]);
  });

  test('two look at once', async () => {
    const look = () =>
      viewRootfs(context, 'id', async (root) => {
        await Promise.resolve();
        return readFileSync(join(root, 'file'), 'utf8');
      });
    assert.deepEqual(await Promise.all([look(), look()]), ['text', 'text']);
  });

  test('what a killed daemon left mounted goes at the next start', async () => {
    for (const name of ['mounted', 'empty']) mkdirSync(join(directory, 'view', name), { recursive: true });
    mountReadOnly([layer], join(directory, 'view/mounted'));
    assert.equal(mounted(), true);
    await removeViews(context);
    assert.deepEqual([views(), mounted()], [[], false]);
    assert.equal(readFileSync(join(directory, 'layer/file'), 'utf8'), 'text');
  });
});
