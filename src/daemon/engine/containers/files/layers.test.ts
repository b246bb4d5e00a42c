import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparingArgs, readingArgs, writingArgs } from './layers.ts';
import { absolute } from './read.ts';

const overlay = {
  type: 'overlay',
  source: 'overlay',
  options: ['index=off', 'workdir=/s/9/work', 'upperdir=/s/9/fs', 'lowerdir=/s/2/fs:/s/1/fs'],
};
const bind = { type: 'bind', source: '/s/1/fs', options: ['ro', 'rbind'] };

test('reading takes the upper layer for one more lower one', () => {
  assert.deepEqual(readingArgs([overlay], '/at'), ['directory=/s', 'lower=9/fs:2/fs:1/fs', 'at=/at', 'more=index=off']);
  assert.deepEqual(readingArgs([bind], '/at'), ['directory=/s/1', 'lower=fs', 'at=/at']);
});

test('writing mounts it as the container would', () => {
  assert.deepEqual(writingArgs([overlay], '/at'), [
    'directory=/s',
    'lower=2/fs:1/fs',
    'upper=9/fs',
    'work=9/work',
    'at=/at',
    'more=index=off',
  ]);
  assert.deepEqual(writingArgs([bind], '/at'), ['source=/s/1/fs']);
});

test('an overlay is compared by its upper directory, others tree by tree', () => {
  const at = { image: '/i', root: '/r' };
  assert.deepEqual(comparingArgs([bind], [overlay], true, at), [
    'directory=/s/1',
    'image=fs',
    'image-at=/i',
    'changed=/s/9/fs',
    'more=index=off',
  ]);
  assert.deepEqual(comparingArgs([bind], [overlay], false, at), [
    'directory=/s',
    'image=1/fs',
    'image-at=/i',
    'lower=9/fs:2/fs:1/fs',
    'at=/r',
    'more=index=off',
  ]);
});

test('every path begins at the root, and keeps its end', () => {
  for (const [given, expected] of [
    ['', '/'],
    ['a/b', '/a/b'],
    ['/a/../../b', '/b'],
    ['/a/', '/a/'],
    ['/a/.', '/a/.'],
    ['.', '/.'],
    ['/', '/'],
  ] as const)
    assert.equal(absolute(given), expected, given);
});
