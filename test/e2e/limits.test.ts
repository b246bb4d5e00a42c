/** Limits and shared namespaces, as seen in the container and in its cgroup, and `update`. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { limitsOf, MB, skipWithoutV1 } from '../support/limits.ts';
import { removeCgroupTree } from '../support/sweep.ts';

const skip = skipWithoutV1();

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon.stop());

const { hostConfig, shell, limit } = limitsOf(() => daemon);
const namespaceOf = async (name: string, kind: string) => {
  const pid = await daemon.ok(['inspect', '-f', '{{.State.Pid}}', name]);
  return readlink(`/proc/${pid}/ns/${kind}`);
};
/** How many groups there are in one of the memory hierarchy. */
const groupsIn = async (group: string) =>
  (await readdir(`/sys/fs/cgroup/memory/${group}`, { withFileTypes: true })).filter((entry) => entry.isDirectory())
    .length;
async function refused(argv: readonly string[], sentence: string): Promise<void> {
  const { code, stderr } = await daemon.k3c(argv);
  assert.equal(code, 125, stderr);
  assert.ok(stderr.startsWith(`k3c: ${sentence}`), stderr);
}
const run = (...flags: string[]) => daemon.ok(['run', '--rm', ...flags]);

describe('limits of a container', { skip }, () => {
  const flags =
    '-m 64m --memory-swap 96m --memory-reservation 32m -c 512 --cpu-period 50000 --cpu-quota 20000 --cpuset-cpus 0 --cpuset-mems 0 --pids-limit 50 --blkio-weight 300 --oom-score-adj 100 --oom-kill-disable --shm-size 16m --ulimit nofile=100:200 --ulimit core=0:-1 --sysctl net.ipv4.ip_forward=0 --sysctl kernel.msgmax=65000';
  before(async () => {
    await daemon.ok(['run', '-d', '--name', 'all', ...flags.split(' '), 'busybox', 'sleep', '1000']);
  });
  after(() => daemon.k3c(['rm', '-f', 'all']));

  const cgroup: [flag: string, file: string, value: string][] = [
    ['-m', 'memory/memory.limit_in_bytes', String(64 * MB)],
    ['--memory-swap', 'memory/memory.memsw.limit_in_bytes', String(96 * MB)],
    ['--memory-reservation', 'memory/memory.soft_limit_in_bytes', String(32 * MB)],
    ['-c', 'cpu/cpu.shares', '512'],
    ['--cpu-period', 'cpu/cpu.cfs_period_us', '50000'],
    ['--cpu-quota', 'cpu/cpu.cfs_quota_us', '20000'],
    ['--cpuset-cpus', 'cpuset/cpuset.cpus', '0'],
    ['--cpuset-mems', 'cpuset/cpuset.mems', '0'],
    ['--pids-limit', 'pids/pids.max', '50'],
    ['--oom-kill-disable', 'memory/memory.oom_control', 'oom_kill_disable 1'],
  ];
  for (const [flag, file, value] of cgroup) {
    test(flag, async () => assert.equal((await limit('all', file)).split('\n')[0], value));
  }
  test('--blkio-weight', async (t) => {
    const file = 'blkio/blkio.bfq.weight';
    if (!existsSync('/sys/fs/cgroup/blkio/blkio.bfq.io_serviced')) return t.skip('no BFQ here');
    assert.equal(await limit('all', file), '300');
  });

  const inside: [flag: string, script: string, value: string][] = [
    ['--ulimit', 'ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Hc', '100\n200\n0\nunlimited'],
    ['--oom-score-adj', 'cat /proc/1/oom_score_adj', '100'],
    ['--sysctl', 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax', '0\n65000'],
    ['--shm-size', "df -k /dev/shm | tail -1 | awk '{print $2}'", '16384'],
  ];
  for (const [flag, script, value] of inside) {
    test(flag, async () => assert.equal(await shell('all', script), value));
  }

  test('inspect names them as docker does', async () => {
    const shown = await hostConfig('all');
    const expected = {
      Memory: 64 * MB,
      MemorySwap: 96 * MB,
      MemoryReservation: 32 * MB,
      CpuShares: 512,
      CpuPeriod: 50_000,
      CpuQuota: 20_000,
      CpusetCpus: '0',
      CpusetMems: '0',
      PidsLimit: 50,
      OomScoreAdj: 100,
      OomKillDisable: true,
      ShmSize: 16 * MB,
      Ulimits: [
        { Name: 'core', Hard: -1, Soft: 0 },
        { Name: 'nofile', Hard: 200, Soft: 100 },
      ],
      Sysctls: { 'net.ipv4.ip_forward': '0', 'kernel.msgmax': '65000' },
      IpcMode: 'private',
      CgroupnsMode: 'host',
    };
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(shown[key], value, key);
  });

  test('they hold for a privileged container, and after a restart', async (t) => {
    const id = ['--name', 'priv', '--privileged'];
    await daemon.ok([
      'run',
      '-d',
      ...id,
      '-m',
      '64m',
      '--pids-limit',
      '70',
      '--cpus',
      '0.5',
      'busybox',
      'sleep',
      '1000',
    ]);
    t.after(() => daemon.k3c(['rm', '-f', 'priv']));
    const limits = ['memory/memory.limit_in_bytes', 'pids/pids.max', 'cpu/cpu.cfs_quota_us'];
    const seen = () => Promise.all(limits.map((file) => limit('priv', file)));
    assert.deepEqual(await seen(), [String(64 * MB), '70', '50000']);
    await daemon.ok(['restart', '-t', '0', 'priv']);
    assert.deepEqual(await seen(), [String(64 * MB), '70', '50000']);
  });
});

test('what is taken all the same is warned of', { skip }, async () => {
  const { code, stderr } = await daemon.k3c(['run', '--rm', '--oom-kill-disable', 'busybox', 'true']);
  assert.equal(code, 0);
  assert.equal(
    stderr,
    'WARNING: OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.\n',
  );
});

test('a plain container has no limits and docker’s /dev/shm', { skip }, async () => {
  const script =
    'cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us; mount | grep /dev/shm; ulimit -Hn';
  const [pids, quota, shm, files] = (await run('busybox', 'sh', '-c', script)).split('\n');
  assert.deepEqual([pids, quota], ['max', '-1']);
  assert.equal(shm, 'shm on /dev/shm type tmpfs (rw,nosuid,nodev,noexec,relatime,size=65536k)');
  // Without CAP_SYS_RESOURCE nobody can give it more than the daemon has.
  const daemons = /^Max open files +\S+ +(\d+)/m.exec(await readFile(`/proc/${daemon.pid}/limits`, 'utf8'))?.[1];
  assert.equal(files, daemons);
});

describe('namespaces of the host', () => {
  const own = (kind: string) => readlink(`/proc/self/ns/${kind}`);
  test('--pid, --ipc, --uts, --userns and --cgroupns host', async (t) => {
    const flags = '--pid host --ipc host --uts host --userns host --cgroupns host'.split(' ');
    await daemon.ok(['run', '-d', '--name', 'open', '--init', ...flags, 'busybox', 'sleep', '1000']);
    t.after(() => daemon.k3c(['rm', '-f', 'open']));
    for (const kind of ['pid', 'ipc', 'uts', 'user', 'cgroup'])
      assert.equal(await namespaceOf('open', kind), await own(kind), kind);
    assert.equal(await shell('open', 'hostname'), hostname());
    // The host's init reaps there: --init would have nothing to do.
    const pid = await daemon.ok(['inspect', '-f', '{{.State.Pid}}', 'open']);
    assert.equal((await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')[0], 'sleep');
    assert.match(await shell('open', 'mount | grep " /dev/shm "'), /^(?!shm )/);
  });

  test('a container that ends leaves no process of its own among those of the host', async () => {
    const marker = '31.4159';
    await run('--pid', 'host', 'busybox', 'sh', '-c', `sleep ${marker} & sleep 0.1`);
    const left = await run('--pid', 'host', 'busybox', 'sh', '-c', `ps -o args | grep "[s]leep ${marker}" || true`);
    assert.equal(left, '');
  });

  test('--cgroupns private', { skip }, async () => {
    const script = 'sed -n "s/.*:memory://p" /proc/self/cgroup; cat /sys/fs/cgroup/memory/memory.limit_in_bytes';
    assert.equal(await run('--cgroupns', 'private', '-m', '32m', 'busybox', 'sh', '-c', script), `/\n${32 * MB}`);
  });

  test('--cgroup-parent', { skip }, async (t) => {
    const parent = `k3c-parent-${process.pid}`;
    t.after(async () => {
      // The sandbox goes in the background, and the parent stays, as docker's does.
      for (let i = 0; i < 100 && (await groupsIn(parent)) > 0; i++) await sleep(50);
      await removeCgroupTree(parent);
    });
    await daemon.ok(['run', '-d', '--name', 'child', '--cgroup-parent', parent, 'busybox', 'sleep', '1000']);
    const group = await shell('child', 'sed -n "s/.*:memory://p" /proc/self/cgroup');
    assert.match(group, new RegExp(`^/${parent}/[0-9a-f]{64}$`));
    assert.equal((await hostConfig('child'))['CgroupParent'], parent);
    await daemon.ok(['rm', '-f', 'child']);
  });
});

describe('namespaces of another container', () => {
  before(async () => {
    const script = 'echo hi >/dev/shm/f; exec sleep 1000';
    const flags = ['--ipc', 'shareable', '--shm-size', '32m'];
    await daemon.ok(['run', '-d', '--name', 'donor', ...flags, 'busybox', 'sh', '-c', script]);
  });
  after(() => daemon.k3c(['rm', '-f', 'donor', 'guest', 'closed']));

  test('--pid and --ipc container:NAME, by the id it has and at every start anew', async () => {
    const flags = ['--pid', 'container:donor', '--ipc', 'container:donor'];
    await daemon.ok(['run', '-d', '--name', 'guest', ...flags, 'busybox', 'sleep', '1001']);
    const joined = async () => {
      for (const kind of ['pid', 'ipc'])
        assert.equal(await namespaceOf('guest', kind), await namespaceOf('donor', kind), kind);
      assert.match(await shell('guest', 'ps'), /^ +1 root +sleep 1000$/m);
      assert.equal(await shell('guest', "cat /dev/shm/f; df -k /dev/shm | tail -1 | awk '{print $2}'"), 'hi\n32768');
    };
    await joined();
    assert.match(String((await hostConfig('guest'))['PidMode']), /^container:[0-9a-f]{64}$/);
    await daemon.ok(['restart', '-t', '0', 'donor']);
    await daemon.ok(['restart', '-t', '0', 'guest']);
    await joined();
  });

  test('one that keeps its IPC to itself, one that does not run, one that is not there', async () => {
    const closed = await daemon.ok(['run', '-d', '--name', 'closed', 'busybox', 'sleep', '1000']);
    const from = (flag: string, mode: string) => ['run', '--rm', flag, mode, 'busybox', 'true'];
    const words = 'Error response from daemon: failed to join';
    await refused(
      from('--ipc', 'container:closed'),
      `${words} IPC namespace: container ${closed}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
    );
    await daemon.ok(['kill', 'closed']);
    await refused(from('--pid', 'container:closed'), `${words} PID namespace: container ${closed} is not running`);
    await refused(from('--ipc', 'container:nope'), `${words} IPC namespace: No such container: nope`);
  });

  test('--ipc none has no shared memory', async () => {
    assert.equal(await run('--ipc', 'none', 'busybox', 'sh', '-c', 'test -e /dev/shm || echo none'), 'none');
  });
});

describe('refused', () => {
  const from = 'Error response from daemon: ';
  const cases: [flags: string, sentence: string][] = [
    ['-m 16m --memory-swap 8m', `${from}Minimum memoryswap limit should be larger than memory limit, see usage`],
    ['--cpus 1 --cpu-period 1000', `${from}Conflicting options: Nano CPUs and CPU Period cannot both be set`],
    ['--cpu-shares -1', `${from}invalid CPU shares (-1): value must be a positive integer`],
    ['--cpuset-cpus 8000', `${from}Requested CPUs are not available - requested 8000, available: `],
    ['--blkio-weight 5', `${from}Range of blkio weight is from 10 to 1000`],
    ['--oom-score-adj 1001', `${from}Invalid value 1001, range for oom score adj is [-1000, 1000]`],
    ['--uts host --hostname h', `${from}conflicting options: hostname and the UTS mode`],
    ['--ipc x', `${from}invalid IPC mode: x`],
    ['--pid x', '--pid: invalid PID mode'],
    ['--userns keep-id', '--userns: invalid USER mode'],
  ];
  for (const [flags, sentence] of cases)
    test(flags, () => refused(['run', '--rm', ...flags.split(' '), 'busybox', 'true'], sentence));

  test('values that cannot be read are usage errors', async () => {
    for (const [argv, text] of [
      [['--ulimit', 'foo=1'], 'invalid argument "foo=1" for "--ulimit" flag: invalid ulimit type: foo'],
      [
        ['--sysctl', 'kernel.panic=1'],
        `invalid argument "kernel.panic=1" for "--sysctl" flag: sysctl 'kernel.panic=1' is not allowed`,
      ],
      [['--memory-swap', 'x'], `invalid argument "x" for "--memory-swap" flag: invalid size: 'x'`],
    ] as const) {
      const { code, stderr } = await daemon.k3c(['run', ...argv, 'busybox', 'true']);
      assert.equal(code, 125);
      assert.ok(stderr.startsWith(text), stderr);
    }
  });

  test('limits above the daemon’s own, where it may not raise them', async (t) => {
    const capabilities = /^CapEff:\s*(\w+)$/m.exec(await readFile(`/proc/${daemon.pid}/status`, 'utf8'))?.[1];
    if ((BigInt(`0x${capabilities}`) & (1n << 24n)) !== 0n) return t.skip('the daemon has CAP_SYS_RESOURCE');
    await refused(
      'run --rm --ulimit nofile=99999999 busybox true'.split(' '),
      `${from}cannot set the hard limit nofile to 99999999: this daemon lacks CAP_SYS_RESOURCE, and its own is `,
    );
    await refused(
      'run --rm --oom-score-adj -5 busybox true'.split(' '),
      `${from}cannot set the OOM score to -5: this daemon lacks CAP_SYS_RESOURCE, and its own is `,
    );
  });

  test('a parameter of the kernel that is the host’s', async () => {
    const { code, stderr } = await daemon.k3c(
      'run --rm --network host --sysctl net.ipv4.ip_forward=0 busybox true'.split(' '),
    );
    assert.equal(code, 125);
    assert.match(stderr, /sysctl "net\.ipv4\.ip_forward" not allowed in host network namespace/);
  });
});
