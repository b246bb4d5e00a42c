import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerSpec } from '../../state/spec.ts';
import type { ImageConfig } from './image-config.ts';
import { resolveConfig } from './resolve-config.ts';
import { sampleSpec } from './samples.ts';

const image: ImageConfig = {
  Entrypoint: ['/entry'],
  Cmd: ['serve'],
  Env: ['PATH=/image', 'A=image'],
  User: 'app',
  WorkingDir: '/srv',
  ExposedPorts: { '443/tcp': {}, '80': {} },
  Volumes: { '/data': {}, '/cache/': {} },
  Labels: { a: 'image', b: 'image' },
  StopSignal: 'SIGQUIT',
};
let volumes = 0;
const resolve = (spec: Partial<ContainerSpec>, from: ImageConfig = image) =>
  resolveConfig({
    id: 'cd'.repeat(32),
    spec: sampleSpec(spec),
    image: from,
    hostHostname: 'metal',
    newVolumeName: () => `v${volumes++}`,
  });

test('the image decides what the user left open', () => {
  const config = resolve({});
  assert.deepEqual([...config.entrypoint, ...config.command], ['/entry', 'serve']);
  assert.deepEqual(config.env, ['PATH=/image', 'HOSTNAME=cdcdcdcdcdcd', 'A=image']);
  assert.deepEqual(
    [config.user, config.workingDir, config.stopSignal, config.hostname],
    ['app', '/srv', 'SIGQUIT', 'cdcdcdcdcdcd'],
  );
  assert.deepEqual(config.exposedPorts, ['80/tcp', '443/tcp']);
  assert.deepEqual(
    config.mounts.map(({ target, anonymous, volume }) => [target, anonymous, volume.startsWith('v')]),
    [
      ['/data', true, true],
      ['/cache', true, true],
    ],
  );
});

test('the user decides the rest', () => {
  const config = resolve({
    command: ['other'],
    env: ['A=user', 'B=1', 'PATH'],
    user: '1:2',
    workingDir: '/w/../x',
    hostname: 'box.example',
    tty: true,
    labels: { b: 'user' },
    stopSignal: 'TERM',
    ports: [{ hostIp: '', hostPort: 0, containerPort: 53, protocol: 'udp' }],
  });
  assert.deepEqual([...config.entrypoint, ...config.command], ['/entry', 'other']);
  assert.deepEqual(config.env, ['HOSTNAME=box.example', 'TERM=xterm', 'A=user', 'B=1']);
  assert.deepEqual(
    [config.user, config.workingDir, config.hostname, config.stopSignal],
    ['1:2', '/x', 'box.example', 'TERM'],
  );
  assert.deepEqual(config.labels, { a: 'image', b: 'user' });
  assert.deepEqual(config.exposedPorts, ['53/udp', '80/tcp', '443/tcp']);
});

test('an entrypoint of the user takes the command of the image away', () => {
  assert.deepEqual(
    [resolve({ entrypoint: ['/mine'] }).entrypoint, resolve({ entrypoint: ['/mine'] }).command],
    [['/mine'], []],
  );
  assert.deepEqual(resolve({ entrypoint: [], command: ['x'] }).entrypoint, []);
  assert.throws(() => resolve({ entrypoint: [] }), { message: 'no command specified' });
  assert.throws(() => resolve({}, {}), { message: 'no command specified' });
});

test('on the network of the host it is called as the host', () => {
  assert.equal(resolve({ networkMode: 'host' }).hostname, 'metal');
  assert.equal(resolve({ networkMode: 'host', hostname: 'mine' }).hostname, 'mine');
});

test('mounts: a mount of the user replaces the volume of the image; upper directories come first', () => {
  const mount = (target: string, source = '/host') => ({
    type: 'bind' as const,
    source,
    target,
    readOnly: false,
    propagation: '',
  });
  const { mounts } = resolve({ mounts: [mount('/a/b/c'), mount('/data/'), mount('/a')] });
  assert.deepEqual(
    mounts.map(({ target, type }) => [target, type]),
    [
      ['/data', 'bind'],
      ['/a', 'bind'],
      ['/cache', 'volume'],
      ['/a/b/c', 'bind'],
    ],
  );
  assert.throws(() => resolve({ mounts: [mount('/a'), mount('/a/')] }), { message: 'Duplicate mount point: /a' });
  assert.throws(() => resolve({ mounts: [mount('a')] }), /mount path must be absolute/);
  assert.throws(() => resolve({ mounts: [mount('/')] }), /destination can't be '\/'/);
  assert.throws(
    () => resolve({ mounts: [{ ...mount('/v', 'b@d'), type: 'volume' }] }),
    /includes invalid characters for a local volume name/,
  );
});

test('nonsense is refused', () => {
  assert.throws(() => resolve({ workingDir: 'rel' }), /needs to be an absolute path/);
  assert.throws(() => resolve({ stopSignal: 'NOPE' }), /invalid signal/);
  assert.throws(() => resolve({ hostname: 'a b' }), /invalid hostname format/);
});
