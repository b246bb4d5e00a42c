/** Who builds, and what happens when the way to the daemon, or the network, is not there: `build` on the packaged binary. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { binary, run } from '../support/binary.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';

const NOBODY = 65534;

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
