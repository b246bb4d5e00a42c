import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '../../../test/support/cli.ts';

for (const [flags, mounts] of [
  ['-v data:/d -v data:/d', ['volume data /d']],
  ['-v /d -v /d -v /d/', ['volume  /d']],
  ['-v /d -v data:/d', ['volume data /d']],
  ['-v /d -v /e --tmpfs /d --mount type=bind,source=/,target=/e', ['bind / /e', 'tmpfs  /d']],
] as const) {
  test(`${flags}: one mount a place`, async () => {
    const { spec } = await create(...flags.split(' '));
    assert.deepEqual(
      spec?.mounts.map(({ type, source, target }) => `${type} ${source} ${target}`),
      mounts,
    );
  });
}

for (const flags of [
  '-v a1:/d -v a2:/d',
  '-v a1:/d -v a1:/d:ro',
  '-v a1:/d --tmpfs /d',
  '--mount target=/d --mount source=a1,target=/d',
]) {
  test(`${flags}: refused`, async () => {
    const { code, err, spec } = await create(...flags.split(' '));
    assert.deepEqual([code, spec, err.split('\n')[0]], [125, undefined, 'k3c: Duplicate mount point: /d']);
  });
}
