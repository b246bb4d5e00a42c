import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { mkfifo } from '../../host/libc.ts';
import { configMayWait, mayWait, RecentMounts } from './waiting-files.ts';

const base = realpathSync(mkdtempSync(join(tmpdir(), 'k3c-wait-')));
after(() => rmSync(base, { recursive: true, force: true }));
for (const name of ['local/inner', 'far/src', 'beside']) mkdirSync(join(base, name), { recursive: true });
writeFileSync(join(base, 'local/file'), '');
mkfifo(join(base, 'local/fifo'), 0o600);
symlinkSync('../far/src', join(base, 'local/link'));
symlinkSync(join(base, 'local/fifo'), join(base, 'local/inner/pipe'));
symlinkSync('turn', join(base, 'turn'));

/** `far` is of another machine. */
const mounts = () => new Set([join(base, 'far')]);
const local = join(base, 'local');
const waits = (line: string, cwd = local) => mayWait(line.split(' '), cwd, mounts);

test('a build of a file system that may hang has a process of its own, however it is named', () => {
  for (const line of [
    'build ../far/src',
    `build ${base}/far`,
    'image build ../far',
    'builder build ../far',
    'build link',
    'build -f../far/Dockerfile .',
    'build -qf../far/Dockerfile .',
    'build --file=../far/Dockerfile .',
    'build --build-context a=../far/src .',
    'build --build-context=a=oci-layout://../far/x:tag .',
    'build --secret id=a,src=../far/secret .',
    'build -o type=tar,dest=../far/out.tar .',
    'build --iidfile ../far/iid .',
    'build ..',
    'cp ../far/x c:/y',
    'cp c:/y ../far',
  ])
    assert.ok(waits(line), line);
  assert.ok(waits('build .', join(base, 'far/src')));
  for (const line of [
    'build .',
    'build -f ../beside/Dockerfile ../beside',
    'build https://example.test/x.git#main:far',
    'build --build-arg a=b -t far/src:1 .',
    'build ../turn',
    'build ../nosuch/far',
    'cp c:/far /nosuch',
    'ps',
  ])
    assert.ok(!waits(line), line);
});

test('a FIFO is read by a process of the user’s', () => {
  for (const line of [
    'build --secret id=a,src=fifo .',
    'build -o type=tar,dest=inner/pipe .',
    'build --ssh default=fifo .',
    'run --env-file fifo x',
    'run --env-file=inner/pipe x',
    'create --label-file fifo x',
    'exec --env-file fifo x true',
    'run --security-opt seccomp=fifo x',
    'run --security-opt=seccomp:fifo x',
  ])
    assert.ok(waits(line), line);
  for (const line of ['run --env-file file x', 'run -v fifo:/x x', 'exec x cat fifo', 'run --env-file'])
    assert.ok(!waits(line), line);
});

test('the mounts are looked at only where a file is named', () => {
  const looked = () => assert.fail('looked');
  assert.equal(mayWait(['run', '--rm', 'x', 'true'], '/', looked), false);
});

test('a config.json that may keep its reader waiting is not the daemon’s to read', () => {
  mkdirSync(join(base, 'home/.docker'), { recursive: true });
  mkdirSync(join(base, 'linked'));
  symlinkSync(join(base, 'far'), join(base, 'linked/.docker'));
  mkdirSync(join(base, 'piped'));
  mkfifo(join(base, 'piped/config.json'), 0o600);
  for (const env of [
    { HOME: join(base, 'far') },
    { HOME: join(base, 'linked') },
    { HOME: join(base, 'home'), DOCKER_CONFIG: join(base, 'far/src') },
    { DOCKER_CONFIG: join(base, 'piped') },
    { HOME: join(base, 'home'), DOCKER_CONFIG: 'relative' },
  ])
    assert.equal(configMayWait(env, mounts), true, JSON.stringify(env));
  for (const env of [{}, { HOME: join(base, 'home') }, { HOME: join(base, 'far'), DOCKER_CONFIG: join(base, 'home') }])
    assert.equal(configMayWait(env, mounts), false, JSON.stringify(env));
});

test('the mounts are read anew only when what is known of them is old', () => {
  const second = (maxAgeMs: number) => {
    let reads = 0;
    const recent = new RecentMounts(() => new Set([`${++reads}`]), maxAgeMs);
    recent.mounts();
    return [...recent.mounts()];
  };
  assert.deepEqual([second(60_000), second(-1)], [['1'], ['2']]);
});
