/** Counters out of directories that look like cgroups, as kernels of both versions write them. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { parseCgroupMounts, v1Groups, v2Group } from './cgroup-paths.ts';
import { readV1 } from './cgroup-v1.ts';
import { readV2 } from './cgroup-v2.ts';
import { NO_COUNTERS } from './counters.ts';

async function directory(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const base = await mkdtemp(join(tmpdir(), 'k3c-cgroup-'));
  t.after(() => rm(base, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(base, path)), { recursive: true });
    await writeFile(join(base, path), text);
  }
  return base;
}

describe('v1', () => {
  test('usage without inactive file cache, reads and writes of all devices', async (t) => {
    const base = await directory(t, {
      'cpuacct/cpuacct.usage': '4200000000\n',
      'memory/memory.usage_in_bytes': '10485760\n',
      'memory/memory.stat': 'cache 4096\ninactive_file 1\ntotal_cache 4096\ntotal_inactive_file 485760\n',
      'memory/memory.limit_in_bytes': '67108864\n',
      'blkio/blkio.throttle.io_service_bytes_recursive':
        '8:0 Read 4096\n8:0 Write 100\n8:0 Sync 4196\n8:0 Async 0\n8:0 Discard 7\n8:0 Total 4196\n8:16 Read 4\n8:16 Write 1\nTotal 4201\n',
      'pids/pids.current': '3\n',
    });
    const groups = Object.fromEntries(['cpuacct', 'memory', 'blkio', 'pids'].map((name) => [name, join(base, name)]));
    assert.deepEqual(await readV1(groups), {
      cpuNanos: 4_200_000_000,
      memoryUsage: 10_000_000,
      memoryLimit: 67_108_864,
      blockRead: 4100,
      blockWritten: 101,
      pids: 3,
    });
  });

  test('a group that is gone, and controllers that are not mounted, count nothing', async (t) => {
    const base = await directory(t, {});
    assert.deepEqual(await readV1({ memory: join(base, 'none') }), NO_COUNTERS);
  });
});

describe('v2', () => {
  test('usage without inactive file cache, reads and writes of all devices', async (t) => {
    const group = await directory(t, {
      'cpu.stat': 'usage_usec 4200000\nuser_usec 4000000\nsystem_usec 200000\nnr_periods 0\n',
      'memory.current': '10485760\n',
      'memory.stat': 'anon 12288\nfile 4096\ninactive_anon 9\ninactive_file 485760\nactive_file 0\n',
      'memory.max': '67108864\n',
      'io.stat':
        '8:0 rbytes=4096 wbytes=100 rios=1 wios=1 dbytes=9 dios=0\n253:0 rbytes=4 wbytes=1 rios=1 wios=1 dbytes=0 dios=0\n',
      'pids.current': '3\n',
    });
    assert.deepEqual(await readV2(group), {
      cpuNanos: 4_200_000_000,
      memoryUsage: 10_000_000,
      memoryLimit: 67_108_864,
      blockRead: 4100,
      blockWritten: 101,
      pids: 3,
    });
  });

  test('no limit, more cache than usage, nothing read or written yet', async (t) => {
    const group = await directory(t, {
      'cpu.stat': 'usage_usec 7\n',
      'memory.current': '4096\n',
      'memory.stat': 'inactive_file 8192\n',
      'memory.max': 'max\n',
      'io.stat': '',
      'pids.current': '1\n',
    });
    assert.deepEqual(await readV2(group), { ...NO_COUNTERS, cpuNanos: 7000, memoryUsage: 4096, pids: 1 });
  });

  test('a group that is gone, or without controllers, counts nothing', async (t) => {
    assert.deepEqual(await readV2(await directory(t, {})), NO_COUNTERS);
  });
});

describe('where the groups lie', () => {
  const hybrid = parseCgroupMounts(`31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`);
  const membership = '5:memory:/k3c/pod:1/ab\n1:cpu,cpuacct:/k3c/pod:1/ab\n9:name=systemd:/x\n0::/k3c/pod:1/ab\n';

  test('by controller, those that are mounted', () => {
    assert.deepEqual(v1Groups(membership, hybrid), {
      cpuacct: '/sys/fs/cgroup/cpu,cpuacct/k3c/pod:1/ab',
      memory: '/sys/fs/cgroup/memory/k3c/pod:1/ab',
    });
    assert.equal(v2Group(membership, hybrid), '/sys/fs/cgroup/unified/k3c/pod:1/ab');
  });

  test('in a container, where a part of the hierarchy is mounted', () => {
    const mounts = parseCgroupMounts('30 23 0:27 /docker/me /sys/fs/cgroup rw - cgroup2 cgroup rw\n');
    assert.equal(v2Group('0::/docker/me/k3c/ab\n', mounts), '/sys/fs/cgroup/k3c/ab');
  });

  test('nowhere', () => {
    assert.equal(v2Group('0::/a\n', []), undefined);
    assert.deepEqual(v1Groups('0::/a\n', []), {});
  });
});
