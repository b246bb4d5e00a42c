/** `update`, as seen in the container's cgroup. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { limitsOf, MB, skipWithoutV1 } from '../support/limits.ts';

const skip = skipWithoutV1();

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon.stop());

const { hostConfig, shell, limit } = limitsOf(() => daemon);

describe('update', { skip }, () => {
  before(async () => {
    await daemon.ok(['run', '-d', '--name', 'u1', '-m', '64m', 'busybox', 'sleep', '1000']);
    await daemon.ok(['create', '--name', 'u2', 'busybox', 'sh', '-c', 'cat /sys/fs/cgroup/pids/pids.max']);
  });
  after(() => daemon.k3c(['rm', '-f', 'u1', 'u2', 'u3']));

  test('what runs has its new limits at once, what does not at its start; each container is tried', async () => {
    const flags =
      '-m 128m --memory-swap 300m --memory-reservation 32m -c 300 --cpu-period 50000 --cpu-quota 25000 --cpuset-cpus 0 --pids-limit 77 --blkio-weight 200';
    const { code, stdout, stderr } = await daemon.k3c(['update', ...flags.split(' '), 'u1', 'nope', 'u2']);
    assert.deepEqual([code, stdout, stderr], [1, 'u1\nu2\n', 'Error response from daemon: No such container: nope\n']);
    for (const [file, value] of [
      ['memory/memory.limit_in_bytes', String(128 * MB)],
      ['memory/memory.memsw.limit_in_bytes', String(300 * MB)],
      ['memory/memory.soft_limit_in_bytes', String(32 * MB)],
      ['cpu/cpu.shares', '300'],
      ['cpu/cpu.cfs_period_us', '50000'],
      ['cpu/cpu.cfs_quota_us', '25000'],
      ['cpuset/cpuset.cpus', '0'],
      ['pids/pids.max', '77'],
    ] as const)
      assert.equal(await limit('u1', file), value, file);
    assert.equal(await daemon.ok(['start', '-a', 'u2']), '77');
    const told = await daemon.ok([
      'events',
      '--since',
      '1h',
      '--until',
      '0s',
      '--filter',
      'event=update',
      '--format',
      '{{.Actor.Attributes.name}}',
    ]);
    assert.deepEqual(told.split('\n').sort(), ['u1', 'u2']);
    await daemon.ok(['restart', '-t', '0', 'u1']);
    assert.equal(await limit('u1', 'memory/memory.limit_in_bytes'), String(128 * MB));
    const shown = await hostConfig('u1');
    assert.deepEqual([shown['Memory'], shown['PidsLimit'], shown['BlkioWeight']], [128 * MB, 77, 200]);
  });

  test('-1 takes the limit of processes away', async () => {
    await daemon.ok(['update', '--pids-limit', '-1', 'u1']);
    assert.equal(await limit('u1', 'pids/pids.max'), 'max');
    assert.equal((await hostConfig('u1'))['PidsLimit'], 0);
  });

  test('refused changes leave everything as it was', async () => {
    const id = await daemon.ok(['inspect', '-f', '{{.Id}}', 'u1']);
    await shell('u1', 'dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null');
    const cannot = `Error response from daemon: Cannot update container ${id}: `;
    for (const [flags, sentence] of [
      [
        '-m 1g',
        `${cannot}Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time`,
      ],
      ['--cpus 1', `${cannot}Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set`],
      [
        '-m 6m --memory-swap 300m',
        `${cannot}runc did not terminate successfully: exit status 1: unable to set memory limit to 6291456 (`,
      ],
      ['-m 1', 'Error response from daemon: Minimum memory limit allowed is 6MB'],
    ] as const) {
      const { code, stdout, stderr } = await daemon.k3c(['update', ...flags.split(' '), 'u1']);
      assert.deepEqual([code, stdout], [1, '']);
      assert.ok(stderr.startsWith(sentence), stderr);
    }
    assert.equal(await limit('u1', 'memory/memory.limit_in_bytes'), String(128 * MB));
    const { code, stderr } = await daemon.k3c(['update', 'u1']);
    assert.deepEqual([code, stderr.split('\n')[0]], [1, 'you must provide one or more flags when using this command']);
  });

  test('--restart counts from the next exit', async () => {
    await daemon.ok([
      'run',
      '-d',
      '--name',
      'u3',
      'busybox',
      'sh',
      '-c',
      'trap "exit 1" TERM; while :; do sleep 0.05; done',
    ]);
    await daemon.ok(['update', '--restart', 'on-failure:1', 'u3']);
    assert.deepEqual((await hostConfig('u3'))['RestartPolicy'], { Name: 'on-failure', MaximumRetryCount: 1 });
    await daemon.ok(['exec', 'u3', 'kill', '1']);
    for (let i = 0; i < 100; i++) {
      const [count, status] = (await daemon.ok(['inspect', '-f', '{{.RestartCount}} {{.State.Status}}', 'u3'])).split(
        ' ',
      );
      if (count === '1' && status === 'running') return;
      await sleep(50);
    }
    assert.fail('it was not started again');
  });
});
