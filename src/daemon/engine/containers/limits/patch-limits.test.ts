import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type IsolationSpec, NO_ISOLATION, NO_RESOURCES, type ResourceSpec } from '../../../state/spec.ts';
import type { OciSpec } from '../oci-spec.ts';
import { ociResources } from './oci-resources.ts';
import { patchLimits } from './patch-limits.ts';

const SHM = `/run/containerd/io.containerd.grpc.v1.cri/sandboxes/${'a'.repeat(64)}/shm`;

function patched(
  resources: Partial<ResourceSpec>,
  isolation: Partial<IsolationSpec> = {},
  joined: Parameters<typeof patchLimits>[2] = {},
): OciSpec {
  const oci: OciSpec = {
    hostname: 'h',
    process: { args: ['sh'], cwd: '/', user: { uid: 0, gid: 0 } },
    mounts: [{ destination: '/dev/shm', type: 'bind', source: SHM, options: ['rbind'] }],
    linux: {
      namespaces: [{ type: 'pid' }, { type: 'ipc', path: '/proc/9/ns/ipc' }, { type: 'uts', path: '/proc/9/ns/uts' }],
      resources: { devices: [], memory: { limit: 1 }, cpu: {} },
    },
  };
  patchLimits(
    oci,
    { resources: { ...NO_RESOURCES, ...resources }, isolation: { ...NO_ISOLATION, ...isolation } },
    joined,
  );
  return oci;
}

test('limits take the place of those that CRI wrote, devices stay', () => {
  assert.deepEqual(patched({}).linux.resources, { devices: [] });
  assert.deepEqual(
    ociResources({
      ...NO_RESOURCES,
      memoryBytes: 10,
      memorySwapBytes: 20,
      memoryReservationBytes: 5,
      oomKillDisable: true,
      cpuShares: 3,
      cpusetCpus: '0',
      cpusetMems: '1',
      cpuPeriod: 1000,
      cpuQuota: -1,
      pidsLimit: 7,
      blkioWeight: 100,
    }),
    {
      memory: { limit: 10, swap: 20, reservation: 5, disableOOMKiller: true },
      cpu: { shares: 3, cpus: '0', mems: '1', period: 1000, quota: -1 },
      pids: { limit: 7 },
      blockIO: { weight: 100 },
    },
  );
  assert.deepEqual(ociResources({ ...NO_RESOURCES, nanoCpus: 250_000_000, pidsLimit: 0, memorySwapBytes: -1 }), {
    cpu: { period: 100_000, quota: 25_000 },
    pids: { limit: -1 },
  });
});

test('limits of the process', () => {
  const { process, linux } = patched(
    {
      oomScoreAdj: -5,
      ulimits: [
        { name: 'nofile', soft: 1, hard: 2 },
        { name: 'core', soft: -1, hard: -1 },
      ],
    },
    { sysctls: { 'net.a': '1' } },
  );
  assert.equal(process.oomScoreAdj, -5);
  assert.equal(
    JSON.stringify(process.rlimits),
    '[{"type":"RLIMIT_NOFILE","soft":1,"hard":2},{"type":"RLIMIT_CORE","soft":18446744073709551615,"hard":18446744073709551615}]',
  );
  assert.deepEqual(linux.sysctl, { 'net.a': '1' });
  assert.equal(patched({}).process.rlimits, undefined, 'without --ulimit those of the daemon pass on');
});

test('namespaces of the host are left', () => {
  const oci = patched({}, { pidMode: 'host', utsMode: 'host', ipcMode: 'host', cgroupnsMode: 'host' });
  assert.deepEqual(oci.linux.namespaces, []);
  assert.equal('hostname' in oci, false, 'runc refuses to name the host');
  assert.equal(oci.mounts[0]?.source, '/dev/shm');
});

test('namespaces of another container are entered', () => {
  const joined = { pid: '/proc/5/ns/pid', ipc: { path: '/proc/6/ns/ipc', shm: '/other/shm' } };
  const oci = patched({}, { pidMode: 'container:a', ipcMode: 'container:b', cgroupnsMode: 'private' }, joined);
  assert.deepEqual(oci.linux.namespaces, [
    { type: 'uts', path: '/proc/9/ns/uts' },
    { type: 'pid', path: '/proc/5/ns/pid' },
    { type: 'cgroup' },
    { type: 'ipc', path: '/proc/6/ns/ipc' },
  ]);
  assert.equal(oci.mounts[0]?.source, '/other/shm');
});

test('no program is run from /dev/shm', () => {
  assert.deepEqual(patched({}).mounts[0]?.options, ['rbind', 'nosuid', 'noexec', 'nodev']);
  assert.deepEqual(patched({}, { ipcMode: 'host' }).mounts[0]?.options, ['rbind']);
});

test('without IPC there is no /dev/shm', () => {
  const oci = patched({}, { ipcMode: 'none' });
  assert.deepEqual(oci.mounts, []);
  assert.deepEqual(oci.linux.namespaces?.at(-1), { type: 'ipc' });
});
