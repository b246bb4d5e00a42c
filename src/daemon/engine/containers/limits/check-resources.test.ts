import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NO_RESOURCES, type ResourceSpec } from '../../../state/spec.ts';
import { checkNewResources, checkResources } from './check-resources.ts';
import type { KernelLimits } from './kernel-limits.ts';

const MB = 1 << 20;
const ALL: KernelLimits = {
  unified: false,
  memory: true,
  swap: true,
  memoryReservation: true,
  oomKillDisable: true,
  cpuShares: true,
  cpuCfs: true,
  pids: true,
  blkioWeight: true,
  cpuset: true,
  cpus: '0-3',
  mems: '0',
  cgroupNamespaces: true,
};
const check = (over: Partial<ResourceSpec>, kernel: Partial<KernelLimits> = {}) =>
  checkNewResources({ ...NO_RESOURCES, ...over }, { ...ALL, ...kernel }, 4);

test("what is left open gets docker's defaults", () => {
  assert.deepEqual(check({}), { resources: { ...NO_RESOURCES, shmSizeBytes: 64 * MB }, warnings: [] });
  assert.equal(check({ memoryBytes: 8 * MB }).resources.memorySwapBytes, 16 * MB);
  assert.equal(check({ memoryBytes: 8 * MB, memorySwapBytes: -1 }).resources.memorySwapBytes, -1);
  for (const pidsLimit of [0, -1, -7]) assert.equal(check({ pidsLimit }).resources.pidsLimit, null);
  assert.equal(check({ pidsLimit: 5 }).resources.pidsLimit, 5);
});

describe('refused', () => {
  const cases: [asked: Partial<ResourceSpec>, message: string][] = [
    [{ memoryBytes: 1 }, 'Minimum memory limit allowed is 6MB'],
    [
      { memoryBytes: 16 * MB, memorySwapBytes: 8 * MB },
      'Minimum memoryswap limit should be larger than memory limit, see usage',
    ],
    [{ memorySwapBytes: 8 * MB }, 'You should always set the Memory limit when using Memoryswap limit, see usage'],
    [{ memoryReservationBytes: 1 }, 'Minimum memory reservation allowed is 6MB'],
    [
      { memoryBytes: 8 * MB, memoryReservationBytes: 16 * MB },
      'Minimum memory limit can not be less than memory reservation limit, see usage',
    ],
    [{ nanoCpus: 1, cpuPeriod: 1000 }, 'Conflicting options: Nano CPUs and CPU Period cannot both be set'],
    [{ nanoCpus: 1, cpuQuota: 1000 }, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set'],
    [{ nanoCpus: 5e9 }, 'range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available'],
    [{ nanoCpus: -1 }, 'range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available'],
    [{ cpuShares: -1 }, 'invalid CPU shares (-1): value must be a positive integer'],
    [{ cpuPeriod: 999 }, 'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)'],
    [{ cpuPeriod: 1_000_001 }, 'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)'],
    [{ cpuQuota: 999 }, 'CPU cfs quota can not be less than 1ms (i.e. 1000)'],
    [{ cpusetCpus: '4' }, 'Requested CPUs are not available - requested 4, available: 0-3'],
    [{ cpusetCpus: 'a' }, 'Invalid value a for cpuset cpus: invalid format: a'],
    [{ cpusetCpus: '3-1' }, 'Invalid value 3-1 for cpuset cpus: invalid format: 3-1'],
    [
      { cpusetCpus: '1-99999999999' },
      'Invalid value 1-99999999999 for cpuset cpus: value of out range, maximum is 8192',
    ],
    [{ cpusetMems: '1' }, 'Requested memory nodes are not available - requested 1, available: 0'],
    [{ cpusetMems: '-' }, 'Invalid value - for cpuset mems: invalid format: -'],
    [{ blkioWeight: 9 }, 'Range of blkio weight is from 10 to 1000'],
    [{ blkioWeight: 1001 }, 'Range of blkio weight is from 10 to 1000'],
    [{ shmSizeBytes: -1 }, 'SHM size can not be less than 0'],
    [{ oomScoreAdj: -1001 }, 'Invalid value -1001, range for oom score adj is [-1000, 1000]'],
    [{ oomScoreAdj: 1001 }, 'Invalid value 1001, range for oom score adj is [-1000, 1000]'],
  ];
  for (const [asked, message] of cases)
    test(JSON.stringify(asked), () => assert.throws(() => check(asked), { message, reason: 'bad-input' }));

  test('--cpus where the kernel has no quotas', () =>
    assert.throws(() => check({ nanoCpus: 1e9 }, { cpuCfs: false }), /NanoCPUs can not be set/));
});

describe('dropped with a warning', () => {
  const lacks = 'or the cgroup is not mounted.';
  const cases: [
    asked: Partial<ResourceSpec>,
    kernel: Partial<KernelLimits>,
    left: Partial<ResourceSpec>,
    warning: string,
  ][] = [
    [
      { memoryBytes: 8 * MB },
      { memory: false },
      { memoryBytes: 0, memorySwapBytes: -1 },
      `Your kernel does not support memory limit capabilities ${lacks} Limitation discarded.`,
    ],
    [
      { memoryBytes: 8 * MB },
      { swap: false },
      { memoryBytes: 8 * MB, memorySwapBytes: -1 },
      `Your kernel does not support swap limit capabilities ${lacks} Memory limited without swap.`,
    ],
    [
      { memoryReservationBytes: 8 * MB },
      { memoryReservation: false },
      { memoryReservationBytes: 0 },
      `Your kernel does not support memory soft limit capabilities ${lacks} Limitation discarded.`,
    ],
    [
      { oomKillDisable: true },
      { oomKillDisable: false },
      { oomKillDisable: null },
      'Your kernel does not support OomKillDisable. OomKillDisable discarded.',
    ],
    [
      { oomKillDisable: true },
      {},
      { oomKillDisable: true },
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    ],
    [
      { pidsLimit: 5 },
      { pids: false },
      { pidsLimit: null },
      `Your kernel does not support PIDs limit capabilities ${lacks} PIDs limit discarded.`,
    ],
    [
      { cpuShares: 5 },
      { cpuShares: false },
      { cpuShares: 0 },
      `Your kernel does not support CPU shares ${lacks} Shares discarded.`,
    ],
    [
      { cpuQuota: 5 },
      { cpuCfs: false },
      { cpuQuota: 0 },
      'Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.',
    ],
    [
      { cpusetCpus: '7' },
      { cpuset: false },
      { cpusetCpus: '' },
      `Your kernel does not support cpuset ${lacks} Cpuset discarded.`,
    ],
    [
      { blkioWeight: 5 },
      { blkioWeight: false },
      { blkioWeight: 0 },
      `Your kernel does not support Block I/O weight ${lacks} Weight discarded.`,
    ],
  ];
  for (const [asked, kernel, left, warning] of cases) {
    test(warning, () => {
      const { resources, warnings } = check(asked, kernel);
      assert.deepEqual(warnings, [warning]);
      for (const [key, value] of Object.entries(left)) assert.equal(resources[key as keyof ResourceSpec], value);
    });
  }
  test('an OOM killer that is to stay needs no word', () =>
    assert.deepEqual(check({ oomKillDisable: false }, { oomKillDisable: false }).warnings, []));
});

test('an update may change swap alone', () => {
  const asked = { ...NO_RESOURCES, memorySwapBytes: 8 * MB };
  assert.deepEqual(checkResources(asked, ALL, 4, true), { resources: asked, warnings: [] });
  assert.throws(() => checkResources({ ...NO_RESOURCES, cpuShares: -1 }, ALL, 4, true), /invalid CPU shares/);
});
