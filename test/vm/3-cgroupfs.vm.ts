/** cgroup v2 without systemd: a daemon that does not see it makes its groups itself. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { eventually, shell } from './machine.ts';

const MB = 1 << 20;
let daemon: Daemon;
before(async () => {
  const wrapper = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /run/systemd && exec "$@"', 'sh'];
  daemon = await startDaemon({ wrapper });
});
// Fails when anything is left, groups too.
after(() => daemon.stop());

const groupOf = async (name: string) => {
  const pid = await daemon.ok(['inspect', '-f', '{{.State.Pid}}', name]);
  return /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '';
};

test('limits, below the group of the daemon', async () => {
  assert.match(await daemon.ok(['info']), /Cgroup Driver: cgroupfs\n Cgroup Version: 2\n/);
  const flags = '-m 64m --memory-swap 96m -c 512 --cpus 0.4 --cpuset-cpus 0 --pids-limit 50 --blkio-weight 300';
  await daemon.ok(['run', '-d', '--name', 'all', ...flags.split(' '), 'busybox', 'sleep', '1000']);
  const group = await groupOf('all');
  assert.match(group, new RegExp(`^/k3c-${daemon.bridge}/[0-9a-f]{64}$`));
  const seen = (file: string) => readFileSync(`/sys/fs/cgroup${group}/${file}`, 'utf8').trim();
  assert.equal(seen('memory.max'), String(64 * MB));
  assert.equal(seen('memory.swap.max'), String(32 * MB));
  assert.equal(seen('cpu.weight'), '59');
  assert.equal(seen('cpu.max'), '40000 100000');
  assert.equal(seen('cpuset.cpus'), '0');
  assert.equal(seen('pids.max'), '50');
  assert.equal(seen('io.weight'), 'default 2930');
  await daemon.ok(['update', '-m', '80m', '--memory-swap', '100m', 'all']);
  assert.equal(seen('memory.max'), String(80 * MB));
  await daemon.ok(['pause', 'all']);
  assert.equal(seen('cgroup.freeze'), '1');
  await daemon.ok(['unpause', 'all']);
  assert.match(await daemon.ok(['stats', '--no-stream', 'all']), / \/ 80MiB /);
});

test('out of memory', async () => {
  const flags = ['--rm', '-m', '32m', '--memory-swap', '32m'];
  assert.equal((await daemon.k3c(['run', ...flags, 'busybox', 'tail', '/dev/zero'])).code, 137);
});

test('--cgroup-parent is a path', async () => {
  const flags = ['--rm', '--cgroup-parent', '/my/part', '--cgroupns', 'host'];
  const shown = await daemon.ok(['run', ...flags, 'busybox', 'cat', '/proc/self/cgroup']);
  assert.match(shown, /^0::\/my\/part\/[0-9a-f]{64}$/);
  const { stderr } = await daemon.k3c(['run', '--rm', '--cgroup-parent', 'my.slice', 'busybox', 'true']);
  assert.match(stderr, /this daemon's groups are not made by systemd/);
});

test('a build step is in the group of builds', async () => {
  const dockerfile = 'FROM busybox\nRUN sleep 78\n';
  const build = daemon.k3c(['build', '-q', '-'], { stdin: dockerfile });
  let pid = '';
  for (let i = 0; i < 120 && pid === ''; i++) pid = (await shell('sleep 0.5; pgrep -fx "sleep 78"')).stdout.trim();
  const group = new RegExp(`^0::/k3c-${daemon.bridge}/build/buildkit/\\w+$`, 'm');
  assert.match(readFileSync(`/proc/${pid}/cgroup`, 'utf8'), group);
  process.kill(Number(pid), 'SIGKILL');
  assert.notEqual((await build).code, 0);
});

test('a killed daemon finds its containers', async () => {
  const group = await groupOf('all');
  await daemon.end('SIGKILL');
  await daemon.start();
  assert.equal(await groupOf('all'), group);
  await daemon.ok(['rm', '-f', 'all']);
  // In the background, after the answer.
  await eventually(async () => assert.ok(!existsSync(`/sys/fs/cgroup${group}`)));
});
