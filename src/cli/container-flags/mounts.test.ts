import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cli } from '../../../test/support/cli.ts';
import type { CreateRequest } from '../../api/gen/k3c.ts';

async function create(...flags: string[]) {
  const asked: CreateRequest[] = [];
  const result = await cli(['create', ...flags, 'busybox'], {
    client: {
      containers: {
        create: (request: CreateRequest) => {
          asked.push(request);
          return Promise.resolve({ id: 'id', name: 'n', warnings: [] });
        },
      },
    },
  });
  return { ...result, mounts: asked[0]?.spec?.mounts.map(({ type, source, target }) => `${type} ${source} ${target}`) };
}

for (const [flags, mounts] of [
  ['-v data:/d -v data:/d', ['volume data /d']],
  ['-v /d -v /d -v /d/', ['volume  /d']],
  ['-v /d -v data:/d', ['volume data /d']],
  ['-v /d -v /e --tmpfs /d --mount type=bind,source=/,target=/e', ['bind / /e', 'tmpfs  /d']],
] as const) {
  test(`${flags}: one mount a place`, async () => {
    assert.deepEqual((await create(...flags.split(' '))).mounts, mounts);
  });
}

for (const flags of [
  '-v a1:/d -v a2:/d',
  '-v a1:/d -v a1:/d:ro',
  '-v a1:/d --tmpfs /d',
  '--mount target=/d --mount source=a1,target=/d',
]) {
  test(`${flags}: refused`, async () => {
    const { code, err, mounts } = await create(...flags.split(' '));
    assert.deepEqual([code, mounts, err.split('\n')[0]], [125, undefined, 'k3c: Duplicate mount point: /d']);
  });
}
