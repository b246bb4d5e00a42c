import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathsOf } from '../paths.ts';
import { containerdConfig } from './containerd-config.ts';

const render = (runtimes: Readonly<Record<string, string>>) =>
  containerdConfig({
    paths: pathsOf({ root: '/lib', state: '/run' }),
    bin: '/bin',
    cniConfDir: '/run/cni/net.d',
    snapshotter: 'overlayfs',
    pauseImage: 'pause',
    cgroupDriver: 'systemd',
    restrictOomScoreAdj: false,
    apparmor: true,
    runtimes: { runc: '/bin/runc', ...runtimes },
    cdiSpecDirs: ['/a', '/b'],
    logLevel: 'info',
  });

test('another runtime is a handler with our shim, its own program and its own state', () => {
  const handlers = render({ crun: '/usr/bin/crun' }).match(/^\[.*"runtimes"\."[^"]+"\.?.*\]$/gm);
  assert.deepEqual(
    handlers?.map((line) => /"runtimes"\."([^"]+)"(."options")?/.exec(line)?.[0]),
    ['"runtimes"."runc"', '"runtimes"."runc"."options"', '"runtimes"."crun"', '"runtimes"."crun"."options"'],
  );
  const crun = render({ crun: '/usr/bin/crun' }).split('"runtimes"."crun"]')[1];
  assert.match(crun ?? '', /"runtime_path" = "\/bin\/containerd-shim-runc-v2"/);
  assert.match(
    crun ?? '',
    /"BinaryName" = "\/usr\/bin\/crun"\n"Root" = "\/run\/runtimes\/crun"\n"SystemdCgroup" = true/,
  );
});

test('CDI specifications are read where the configuration says', () => {
  assert.match(render({}), /^"cdi_spec_dirs" = \["\/a","\/b"\]$/m);
});
