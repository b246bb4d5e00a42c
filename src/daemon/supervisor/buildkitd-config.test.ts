import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathsOf } from '../paths.ts';
import { buildkitdConfig } from './buildkitd-config.ts';

const render = (cgroupDriver: 'systemd' | 'cgroupfs') =>
  buildkitdConfig({
    paths: pathsOf({ root: '/lib', state: '/run' }),
    bin: '/bin',
    runc: '/bin/runc',
    snapshotter: 'overlayfs',
    cacheBytes: 4,
    cgroupParent: '/k3c/build',
    cgroupDriver,
    registries: {},
    debug: false,
  });

test('build steps get their groups from whoever makes those of containers', () => {
  assert.match(render('systemd'), /^"SystemdCgroup" = true$/m);
  assert.match(render('cgroupfs'), /^"SystemdCgroup" = false$/m);
});
