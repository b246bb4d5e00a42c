import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResolvedMount } from '../../state/spec.ts';
import { patchMounts } from './patch-mounts.ts';

const asked = (target: string, recursive?: ResolvedMount['recursive']): ResolvedMount => ({
  type: 'bind',
  source: '/s',
  target,
  readOnly: true,
  propagation: 'rprivate',
  volume: '',
  anonymous: false,
  recursive,
});

test('recursion of bind mounts', () => {
  const mounts = ['/a', '/b', '/c'].map((destination) => ({ destination, options: ['rbind', 'rprivate', 'ro'] }));
  patchMounts(mounts, [asked('/a', 'disabled'), asked('/b', 'readonly'), asked('/c'), asked('/nosuch', 'disabled')]);
  assert.deepEqual(
    mounts.map(({ options }) => options.join()),
    ['bind,rprivate,ro', 'rbind,rprivate,rro', 'rbind,rprivate,ro'],
  );
});
