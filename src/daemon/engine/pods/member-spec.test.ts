import assert from 'node:assert/strict';
import { test } from 'node:test';
import { K3cError } from '../../../api/errors.ts';
import { type ContainerSpec, NO_ISOLATION, NO_NETWORK, NO_RESOURCES, NO_SECURITY } from '../../state/spec.ts';
import { sampleSpec } from '../containers/samples.ts';
import { checkMember, memberIsolation } from './member-spec.ts';
import { samplePod } from './samples.ts';

const pod = samplePod({ name: 'duo' });

test('a container that asks for nothing of the pod’s is taken', () => {
  checkMember(
    pod,
    sampleSpec({ command: ['x'], privileged: true, init: true, restart: { name: 'always', maximumRetryCount: 0 } }),
  );
  checkMember(pod, sampleSpec({ security: { ...NO_SECURITY, runtime: 'runc' } }));
});

const refused: readonly (readonly [flag: string, asked: Partial<ContainerSpec>, hint: RegExp])[] = [
  [
    '--publish',
    { ports: [{ hostIp: '', hostPort: 1, containerPort: 1, protocol: 'tcp' }] },
    /k3c pod create --publish/,
  ],
  ['--network', { networkMode: 'host' }, /k3c pod create --network/],
  [
    '--network',
    { network: { ...NO_NETWORK, moreNetworks: [{ network: 'n', ip: '', ip6: '', aliases: [], macAddress: '' }] } },
    /pod create/,
  ],
  ['--hostname', { hostname: 'x' }, /pod create --hostname/],
  ['--dns', { network: { ...NO_NETWORK, dns: ['1.1.1.1'] } }, /pod create --dns/],
  ['--dns-search', { network: { ...NO_NETWORK, dnsSearch: ['x'] } }, /pod create --dns-search/],
  ['--dns-option', { network: { ...NO_NETWORK, dnsOptions: ['x'] } }, /pod create --dns-option/],
  ['--add-host', { network: { ...NO_NETWORK, extraHosts: ['a:1.1.1.1'] } }, /pod create --add-host/],
  ['--ip', { network: { ...NO_NETWORK, ip: '10.0.0.9' } }, /pod create --ip/],
  ['--ip6', { network: { ...NO_NETWORK, ip6: 'fd00::9' } }, /pod create --ip6/],
  ['--mac-address', { network: { ...NO_NETWORK, macAddress: '02:00:00:00:00:01' } }, /pod create --mac-address/],
  ['--network-alias', { network: { ...NO_NETWORK, aliases: ['a'] } }, /pod create --network-alias/],
  ['--sysctl', { isolation: { ...NO_ISOLATION, sysctls: { 'kernel.msgmax': '1' } } }, /pod create --sysctl/],
  ['--cgroup-parent', { isolation: { ...NO_ISOLATION, cgroupParent: '/x' } }, /pod create --cgroup-parent/],
  ['--pid', { isolation: { ...NO_ISOLATION, pidMode: 'host' } }, /--share ipc,net,uts,pid/],
  ['--uts', { isolation: { ...NO_ISOLATION, utsMode: 'host' } }, /without --pod/],
  ['--ipc', { isolation: { ...NO_ISOLATION, ipcMode: 'host' } }, /without --pod/],
  ['--shm-size', { resources: { ...NO_RESOURCES, shmSizeBytes: 1 } }, /k3c pod create --shm-size/],
  ['--publish-all', { network: { ...NO_NETWORK, publishAll: true } }, /without --pod/],
  ['--runtime', { security: { ...NO_SECURITY, runtime: 'crun' } }, /without --pod/],
];
for (const [flag, asked, hint] of refused)
  test(`${flag} of ${JSON.stringify(asked)} is refused, with the way to have it`, () => {
    assert.throws(
      () => checkMember(pod, sampleSpec(asked)),
      (error) =>
        error instanceof K3cError &&
        error.message === `conflicting options: ${flag} and --pod duo` &&
        hint.test(error.hint ?? ''),
    );
  });

test('IPC is always shared, processes where the pod says so', () => {
  const asked = { ...NO_ISOLATION, cgroupnsMode: 'private' };
  assert.deepEqual(memberIsolation(pod, asked), { ...asked, ipcMode: 'shareable' });
  const shared = samplePod({ spec: { ...pod.spec, sharePid: true } });
  assert.deepEqual(memberIsolation(shared, asked), { ...asked, ipcMode: 'shareable', pidMode: 'pod' });
});
