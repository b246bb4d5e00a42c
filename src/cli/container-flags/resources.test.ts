import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Resources } from '../../api/gen/k3c.ts';
import { toResources } from './resources.ts';

test('nothing asked for is nothing sent', () => assert.equal(toResources({}), undefined));

test('every flag has its field', () => {
  const ulimit = (name: string, soft: bigint) => ({ name, soft, hard: 9n });
  const flags = {
    blkioWeight: 10,
    cpuPeriod: 1n,
    cpuQuota: 2n,
    cpuShares: 3n,
    cpus: 4n,
    cpusetCpus: '5',
    cpusetMems: '6',
    memory: 7n,
    memoryReservation: 8n,
    memorySwap: -1n,
    oomKillDisable: true,
    oomScoreAdj: -9,
    pidsLimit: 0n,
    shmSize: 11n,
    ulimit: [ulimit('nproc', 1n), ulimit('core', 2n), ulimit('nproc', 3n)],
  };
  assert.deepEqual(
    toResources(flags),
    Resources.fromPartial({
      blkioWeight: 10,
      cpuPeriod: 1n,
      cpuQuota: 2n,
      cpuShares: 3n,
      nanoCpus: 4n,
      cpusetCpus: '5',
      cpusetMems: '6',
      memoryBytes: 7n,
      memoryReservationBytes: 8n,
      memorySwapBytes: -1n,
      oomKillDisable: true,
      oomScoreAdj: -9,
      pidsLimit: 0n,
      shmSizeBytes: 11n,
      ulimits: [ulimit('core', 2n), ulimit('nproc', 3n)],
    }),
  );
});
