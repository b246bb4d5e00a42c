import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeSpec, NO_ISOLATION, NO_NETWORK, NO_RESOURCES } from '../../state/spec.ts';
import { checkMember } from './member-spec.ts';
import { partRequest } from './new-pod.ts';

const asked = (pod: string) =>
  completeSpec({
    image: 'busybox',
    hostname: 'h',
    ports: [{ hostIp: '', hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
    networkMode: 'lan',
    env: ['A=1'],
    labels: { k: 'v' },
    network: {
      ...NO_NETWORK,
      dns: ['10.0.0.1'],
      dnsSearch: ['example.test'],
      dnsOptions: ['ndots:1'],
      extraHosts: ['a:10.0.0.2'],
      ip: '10.1.0.5',
      ip6: 'fd00::5',
      aliases: ['x'],
      macAddress: '02:00:00:00:00:01',
      exposedPorts: ['81/tcp'],
    },
    resources: { ...NO_RESOURCES, shmSizeBytes: 5 },
    isolation: { ...NO_ISOLATION, sysctls: { 'net.core.somaxconn': '9' }, cgroupParent: '/p' },
    pod,
  });

test('no new pod, nothing to part', () => {
  for (const pod of ['', 'web', 'news']) assert.equal(partRequest(asked(pod)), undefined);
});

test('a pod needs a name', () => assert.throws(() => partRequest(asked('new:')), { reason: 'bad-input' }));

test('the pod takes all that a container of it could not have; the rest is the container’s', () => {
  const request = asked('new:web');
  const parted = partRequest(request) ?? assert.fail();
  assert.equal(parted.name, 'web');
  const { exposedPorts: _, ...ofPod } = request.network;
  assert.partialDeepStrictEqual(parted.pod, {
    hostname: 'h',
    ports: request.ports,
    networkMode: 'lan',
    network: ofPod,
    sysctls: { 'net.core.somaxconn': '9' },
    cgroupParent: '/p',
    shmSizeBytes: 5,
  });
  assert.deepEqual(parted.pod.network.exposedPorts, []);
  checkMember({ name: 'web' }, parted.container);
  assert.deepEqual(
    [parted.container.image, parted.container.env, parted.container.labels, parted.container.network.exposedPorts],
    ['busybox', ['A=1'], { k: 'v' }, ['81/tcp']],
  );
});
