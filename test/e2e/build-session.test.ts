/** Who builds, and what happens when the way to the daemon, or the network, is not there: `build` on the packaged binary. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { mkfifo, mount, unmount } from '../../src/host/libc.ts';
import { binary, run } from '../support/binary.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';

const NOBODY = 65534;
/** umount2(2): at once, whoever still uses it. */
const MNT_DETACH = 2;

let daemon: Daemon;
before(async () => {
  // A network namespace of its own, with nothing in it but the loopback that containerd listens on.
  daemon = await startDaemon({ wrapper: ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'] });
  // Others must come as far as the socket and their files.
  await chmod(daemon.directory, 0o755);
});
after(() => daemon?.stop());

test('without any network, FROM an image that was loaded, and one that was built, asks nobody', async () => {
  const first = await daemon.k3c(['build', '-t', 'first:1', '-'], { stdin: 'FROM busybox\nRUN echo 1 > /1\n' });
  assert.equal(first.code, 0, first.stderr);
  for (const from of ['first:1', 'docker.io/library/first:1']) {
    const stdin = `FROM ${from}\nRUN cat /1 > /2\n`;
    const second = await daemon.k3c(['build', '-t', 'second:1', '-'], { stdin });
    assert.equal(second.code, 0, second.stderr);

    assert.ok(second.ms < 10_000, `${second.ms} ms`);
  }
  const copied = { stdin: 'FROM scratch\nCOPY --from=second:1 /2 /\n' };
  assert.equal((await daemon.k3c(['build', '-t', 'third:1', '-'], copied)).code, 0);
  const asked = await daemon.k3c(['build', '--pull', '-'], { stdin: 'FROM first:1\n' });
  assert.equal(asked.code, 1);
  assert.match(asked.stderr, /failed to resolve source metadata for docker\.io\/library\/first:1/);
});

test('a user of the group builds with files that are hers alone, and outputs are hers', async () => {
  const cwd = join(daemon.directory, 'hers');
  await mkdir(join(cwd, 'ctx'), { recursive: true });
  await writeFile(join(cwd, 'ctx/secret'), 'hers');
  await run('chown', ['-R', `${NOBODY}:${NOBODY}`, cwd]);
  await run('chmod', ['-R', 'go=', cwd]);
  // The socket is root's group here; on a machine it is k3c's.
  const words = ['--reuid', String(NOBODY), '--regid', '0', '--clear-groups', binary];
  const build = (...args: string[]) =>
    run('setpriv', [...words, 'build', ...args], {
      cwd,
      input: 'FROM busybox AS b\nCOPY secret /s\nRUN stat -c %u:%a /s > /o\nFROM scratch\nCOPY --from=b /s /o /\n',
      env: { ...process.env, HOME: cwd, K3C_ADDRESS: daemon.address },
    });
  const { code, stderr } = await build('-o', 'out', '--iidfile', 'iid', '-f', '-', 'ctx');
  assert.equal(code, 0, stderr);
  for (const path of ['out', 'out/s', 'out/o']) assert.equal((await stat(join(cwd, path))).uid, NOBODY, path);
  const roots = join(daemon.directory, 'root-only');
  await mkdir(roots, { mode: 0o700 });
  await writeFile(join(roots, 'secret'), 'not hers');
  const refused = await build('-f', '-', roots);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^ERROR: failed to build: .*(EACCES|permission denied|not found)/m);
});

test('a build on a file system that hangs, or of a FIFO nobody writes to, holds up itself and nobody else', async () => {
  const hung = join(daemon.directory, 'hung');
  await mkdir(hung);
  mkfifo(join(daemon.directory, 'fifo'), 0o600);
  await writeFile(join(daemon.directory, 'Dockerfile'), 'FROM busybox\n');
  // Mounted by us, who never answer: what a network file system is whose server went.
  const answers = openSync('/dev/fuse', 'r+');
  mount('never', hung, 'fuse', 0, `fd=${answers},rootmode=40000,user_id=0,group_id=0`);
  const waiting = [
    ['build', 'hung'],
    ['build', '-f', 'hung/Dockerfile', '.'],
    ['build', '--secret', 'id=a,src=hung/a', '.'],
    ['run', '--rm', '--env-file', 'hung/env', 'busybox'],
    ...Array.from({ length: 6 }, () => ['run', '--rm', '--env-file', 'fifo', 'busybox']),
  ].map((args) => daemon.spawn(args, { cwd: daemon.directory }));
  const closed = waiting.map((child) => once(child, 'close'));
  try {
    await sleep(500);
    for (let i = 0; i < 5; i++) {
      // It looks into the store, and so needs the threads that work with files.
      const { code, ms } = await daemon.k3c(['build', '-q', '-'], { stdin: 'FROM busybox\n' });
      assert.ok(code === 0 && ms < 5000, `${ms} ms`);
    }
    for (const child of waiting) assert.equal(child.exitCode, null, child.spawnargs.join(' '));
  } finally {
    for (const child of waiting) child.kill('SIGKILL');
    unmount(hung, MNT_DETACH);
    closeSync(answers);
    await Promise.all(closed);
  }
});

test('FIFOs are as good as files: for a secret, for variables, for what is built', async () => {
  const cwd = join(daemon.directory, 'fifos');
  await mkdir(cwd);
  for (const name of ['secret', 'env', 'out']) mkfifo(join(cwd, name), 0o600);
  const stdin =
    'FROM busybox AS b\nRUN --mount=type=secret,id=s cp /run/secrets/s /s\nFROM scratch\nCOPY --from=b /s /\n';
  const [{ code, stderr }, archive] = await Promise.all([
    daemon.k3c(['build', '--secret', 'id=s,src=secret', '-o', 'type=tar,dest=out', '-'], { cwd, stdin }),
    readFile(join(cwd, 'out')),
    writeFile(join(cwd, 'secret'), 'through a FIFO'),
  ]);
  assert.equal(code, 0, stderr);
  await writeFile(join(cwd, 'out.tar'), archive);
  assert.equal((await run('tar', ['-xOf', join(cwd, 'out.tar'), 's'])).stdout, 'through a FIFO');
  assert.ok((await stat(join(cwd, 'out'))).isFIFO());
  const [said] = await Promise.all([
    daemon.ok(['run', '--rm', '--env-file', 'env', 'busybox', 'sh', '-c', 'echo $A'], { cwd }),
    writeFile(join(cwd, 'env'), 'A=through a FIFO\n'),
  ]);
  assert.equal(said, 'through a FIFO');
});

test('a Dockerfile that only the user’s process can read', async () => {
  const cwd = join(daemon.directory, 'fifos');
  await writeFile(join(cwd, 'file'), 'FROM busybox\n');
  const env = { ...process.env, K3C_ADDRESS: daemon.address };
  for (const rest of ['-f <(cat file) .', '-f /dev/stdin . < file', '-f /dev/fd/7 . 7< file']) {
    const { code, stdout, stderr } = await run('bash', ['-c', `${binary} build -q ${rest}`], { cwd, env });
    assert.equal(code, 0, `${rest}: ${stderr}`);
    assert.match(stdout, /^sha256:[0-9a-f]{64}\n$/);
  }
});

test('every name that a build gives is a tag event', async () => {
  const since = (Date.now() / 1000).toFixed(3);
  const args = ['build', '-q', '-t', 'told:1', '-t', 'example.test/told', '--label', 'tier=a', '-'];
  const built = await daemon.k3c(args, { stdin: 'FROM busybox\n' });
  assert.equal(built.code, 0, built.stderr);
  // Neither a build without a name, nor one that stays out of the store.
  await daemon.k3c(['build', '-q', '-'], { stdin: 'FROM busybox\n' });
  await daemon.k3c(['build', '-t', 'told:2', '-o', 'type=tar,dest=/dev/null', '-'], { stdin: 'FROM busybox\n' });
  const format = '{{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}} {{.Actor.Attributes.tier}}';
  const range = ['--since', since, '--until', (Date.now() / 1000 + 0.01).toFixed(3)];
  const told = await daemon.ok(['events', ...range, '-f', 'type=image', '--format', format]);
  const id = built.stdout.trim();
  assert.deepEqual(told.split('\n'), [`tag ${id} told:1 a`, `tag ${id} example.test/told:latest a`]);
});

/** Waits until a `sleep` of this length runs, or does no more. */
async function sleeping(seconds: string, wanted: boolean): Promise<void> {
  const until = performance.now() + 5000;
  while (((await run('pgrep', ['-f', `^sleep ${seconds}$`])).code === 0) !== wanted) {
    assert.ok(performance.now() < until, wanted ? 'the step does not run' : 'the step still runs');
    await sleep(20);
  }
}

for (const direct of [false, true]) {
  test(`a client that is killed (${direct ? 'a process of its own' : 'through the door'}) takes its step with it`, async () => {
    const mark = direct ? '97531' : '97532';
    const child = daemon.spawn(['build', '-o', 'type=tar,dest=out.tar', '-t', `killed-${mark}`, '-'], {
      cwd: daemon.directory,
      direct,
    });
    child.stdin?.end(`FROM busybox\nRUN echo begun-${mark} && sleep ${mark}\n`);
    const closed = once(child, 'close');
    let log = '';
    for await (const chunk of child.stderr ?? []) {
      log += String(chunk);
      if (new RegExp(`^#\\d+ \\d+\\.\\d+ begun-${mark}$`, 'm').test(log)) break;
    }
    assert.match(log, new RegExp(`begun-${mark}`));
    await sleeping(mark, true);
    child.kill('SIGKILL');
    await closed;
    await sleeping(mark, false);
    assert.equal(await daemon.ok(['images', '-q', `killed-${mark}`]), '');
    assert.deepEqual(
      (await readdir(daemon.directory)).filter((name) => name.startsWith('out.tar')),
      [],
    );
    // The daemon builds on, and the step is not taken for done.
    const next = await daemon.k3c(['build', '-q', '-'], { stdin: `FROM busybox\nRUN echo begun-${mark}-again\n` });
    assert.equal(next.code, 0, next.stderr);
  });
}
