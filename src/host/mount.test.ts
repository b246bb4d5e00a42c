import assert from 'node:assert/strict';
import { test } from 'node:test';
import { overlayDirectories } from './mount.ts';

test('the layers of an overlay, the writable one on top', () => {
  const options = ['index=off', 'workdir=/s/3/work', 'upperdir=/s/3/fs', 'lowerdir=/s/2/fs:/s/1/fs'];
  assert.deepEqual(overlayDirectories(options), ['/s/3/fs', '/s/2/fs', '/s/1/fs']);
  assert.deepEqual(overlayDirectories(['lowerdir=/s/1/fs']), ['/s/1/fs']);
});
