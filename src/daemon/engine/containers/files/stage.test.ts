import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Code, K3cError } from '../../../../api/errors.ts';
import type { EngineContext } from '../context.ts';
import { MAX_LAYERS } from './merge-stage.ts';
import { removeStage } from './stage.ts';

test('with a container goes what a merge that was cut off has left of its stage', async (t) => {
  const base = mkdtempSync(join(tmpdir(), 'k3c-stage-'));
  t.after(() => rmSync(base, { recursive: true }));
  const layers = Array.from({ length: MAX_LAYERS }, (_, i) => `k3c-files-c1-${i}`);
  const parents = new Map(layers.map((name, i) => [name, layers[i - 1] ?? 'image']));
  parents.set('k3c-files-c1-16-image', 'image').set('k3c-files-c1-16-all', layers.at(-1) ?? '');
  parents.set('k3c-files-c1-16', 'image').set('k3c-files-c1-16-open', 'image');
  const remove = async ({ key }: { key: string }) => {
    if ([...parents.values()].includes(key)) throw new K3cError(Code.FAILED_PRECONDITION, `${key} has children`);
    if (!parents.delete(key)) throw new K3cError(Code.NOT_FOUND, `${key} is not there`);
  };
  mkdirSync(join(base, 'c1'));
  writeFileSync(join(base, 'c1/files.json'), JSON.stringify({ layers, open: '' }));
  const context = {
    paths: { containers: base },
    snapshotter: 'overlayfs',
    closing: AbortSignal.timeout(1000),
    containerd: { snapshots: { remove } },
  } as unknown as EngineContext;
  await removeStage(context, 'c1');
  assert.deepEqual([...parents.keys()], []);
});
