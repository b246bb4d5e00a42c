import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readKernelLimits } from './kernel-limits.ts';

/** A directory with these files. */
async function tree(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const base = await mkdtemp(join(tmpdir(), 'k3c-kernel-'));
  t.after(() => rm(base, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(base, path)), { recursive: true });
    await writeFile(join(base, path), text);
  }
  return base;
}

test('cgroup v1 is known by its files', async (t) => {
  const base = await tree(t, {
    'cg/memory/memory.limit_in_bytes': '',
    'cg/memory/memory.oom_control': '',
    'cg/cpu/cpu.cfs_quota_us': '',
    'cg/cpuset/cpuset.cpus': '0-3\n',
    'cg/cpuset/cpuset.mems': '0\n',
    'cg/blkio/blkio.bfq.io_serviced': '',
    'proc/self/ns/cgroup': '',
  });
  assert.deepEqual(readKernelLimits(join(base, 'cg'), join(base, 'proc')), {
    unified: false,
    memory: true,
    swap: false,
    memoryReservation: false,
    oomKillDisable: true,
    cpuShares: false,
    cpuCfs: true,
    pids: false,
    blkioWeight: true,
    cpuset: true,
    cpus: '0-3',
    mems: '0',
    cgroupNamespaces: true,
  });
});

test('cgroup v2 is known by its controllers', async (t) => {
  const files = {
    'cg/cgroup.controllers': 'cpuset cpu memory\n',
    'cg/cpuset.cpus.effective': '0-1\n',
    'cg/cpuset.mems.effective': '0\n',
    'cg/system.slice/memory.swap.max': 'max',
    'proc/self/cgroup': '0::/\n',
  };
  const base = await tree(t, files);
  assert.deepEqual(readKernelLimits(join(base, 'cg'), join(base, 'proc')), {
    unified: true,
    memory: true,
    swap: true,
    memoryReservation: true,
    oomKillDisable: false,
    cpuShares: true,
    cpuCfs: true,
    pids: false,
    blkioWeight: false,
    cpuset: true,
    cpus: '0-1',
    mems: '0',
    cgroupNamespaces: false,
  });
  await writeFile(join(base, 'proc/self/cgroup'), '0::/other\n');
  assert.equal(readKernelLimits(join(base, 'cg'), join(base, 'proc')).swap, false);
});

test('this host is one or the other', () => {
  const { memory, cpuCfs, cpus } = readKernelLimits();
  assert.deepEqual([memory, cpuCfs], [true, true]);
  assert.match(cpus, /^0/);
});
