import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cli } from '../../../test/support/cli.ts';
import { Code, K3cError } from '../../api/errors.ts';
import { version } from '../../api/version.ts';

const unreachable = () =>
  Promise.reject(new K3cError(Code.UNAVAILABLE, 'cannot connect to the k3c daemon', { reason: 'daemon-unreachable' }));

const answer = {
  version: '9.9.9',
  gitCommit: 'abc1234',
  apiVersion: '1.0',
  os: 'linux',
  arch: 'amd64',
  kernel: '6.18.0',
  components: [{ name: 'containerd', version: 'v2.4.2', details: { GitCommit: 'def' } }],
};

describe('version', () => {
  test('shows both sides and the daemon’s parts', async () => {
    const { code, out } = await cli(['version'], { client: { system: { version: () => Promise.resolve(answer) } } });
    assert.equal(code, 0);
    assert.equal(
      out,
      `Client:
 Version:           ${version}
 API version:       1.0
 Git commit:        unknown
 OS/Arch:           linux/amd64

Server:
 Engine:
  Version:          9.9.9
  API version:      1.0
  Git commit:       abc1234
  OS/Arch:          linux/amd64
  Kernel version:   6.18.0
 containerd:
  Version:          v2.4.2
  GitCommit:        def
`,
    );
  });
  test('shows the client’s side without a daemon, and fails', async () => {
    const { code, out, err } = await cli(['version'], { client: { system: { version: unreachable } } });
    assert.deepEqual([code, err], [1, 'cannot connect to the k3c daemon\n']);
    assert.ok(out.startsWith('Client:\n Version: '));
    assert.ok(!out.includes('Server'));
  });
  test('takes a template', async () => {
    const client = { system: { version: () => Promise.resolve(answer) } };
    const { out } = await cli(['version', '-f', '{{.Server.Version}} {{.Client.APIVersion}}'], { client });
    assert.equal(out, '9.9.9 1.0\n');
  });
});

describe('info', () => {
  const document = Buffer.from(
    JSON.stringify({
      Containers: 3,
      ContainersRunning: 1,
      ContainersPaused: 0,
      ContainersStopped: 2,
      Images: 5,
      ServerVersion: '9.9.9',
      Driver: 'overlayfs',
      SecurityOptions: ['name=seccomp,profile=builtin', 'name=apparmor'],
      Runtimes: { runc: { path: 'runc' }, crun: { path: '/usr/bin/crun' } },
      DefaultRuntime: 'runc',
      CDISpecDirs: ['/etc/cdi'],
      NCPU: 2,
      MemTotal: 8_321_499_136,
      Warnings: ['WARNING: no swap'],
    }),
  );
  test('is laid out as docker’s', async () => {
    const client = { system: { info: () => Promise.resolve({ document }) } };
    const { code, out, err } = await cli(['-H', '/x', 'info'], { client });
    assert.deepEqual([code, err], [0, 'WARNING: no swap\n']);
    assert.equal(
      out,
      `Client:
 Version:    ${version}
 Address:    /x

Server:
 Containers: 3
  Running: 1
  Paused: 0
  Stopped: 2
 Images: 5
 Server Version: 9.9.9
 Storage Driver: overlayfs
 CDI spec directories:
  /etc/cdi
 Runtimes: crun runc
 Default Runtime: runc
 Security Options:
  seccomp
   Profile: builtin
  apparmor
 CPUs: 2
 Total Memory: 7.75GiB
`,
    );
  });
  test('takes a template', async () => {
    const client = { system: { info: () => Promise.resolve({ document }) } };
    assert.equal((await cli(['info', '-f', '{{.Driver}} {{.NCPU}}'], { client })).out, 'overlayfs 2\n');
  });
  test('fails without a daemon', async () => {
    const { code, err } = await cli(['info'], { client: { system: { info: unreachable } } });
    assert.deepEqual([code, err], [1, 'cannot connect to the k3c daemon\n']);
  });
});
