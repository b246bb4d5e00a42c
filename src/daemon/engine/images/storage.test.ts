import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoredImage } from './catalog.ts';
import { holdingOf, type Storage, sizeOf } from './storage.ts';

const storage: Storage = {
  blobs: new Map([
    ['index', { size: 1, children: ['manifest', 'not here'] }],
    ['manifest', { size: 10, children: ['layer', 'config'] }],
    ['layer', { size: 100, children: [] }],
    ['config', { size: 1000, children: [] }],
    ['cache', { size: 5000, children: [] }],
  ]),
  snapshots: new Map([
    ['sha256:a', 7],
    ['other', 9],
  ]),
};

function image(targets: readonly string[], diffIds: readonly string[]): StoredImage {
  return {
    records: targets.map((digest) => ({ target: { digest } })),
    content: { config: { rootfs: { diff_ids: diffIds } } },
  } as unknown as StoredImage;
}

test('what several images have counts once', () => {
  const both = holdingOf([image(['index', 'manifest'], ['sha256:a']), image(['manifest'], ['sha256:a'])], storage);
  assert.equal(sizeOf(both, storage), 1 + 10 + 100 + 1000 + 7);
});

test('what is not there, or not unpacked, counts nothing', () => {
  assert.equal(sizeOf(holdingOf([image(['gone'], ['sha256:b'])], storage), storage), 0);
});
