import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NetworkOptions, PodSpec, PodsDefinition } from '../../api/gen/k3c.ts';
import { createLocalClient } from '../../api/rpc/local.ts';
import { RpcServer } from '../../api/rpc/server.ts';
import { podsService } from './pods.ts';
import { toPodSpec } from './spec/pod.ts';

type Engine = Parameters<typeof podsService>[0];

/** A client of the service on an engine of which a test gives what it expects to be called. */
function clientOf(engine: Partial<Engine>) {
  const server = new RpcServer(() => undefined).add(PodsDefinition, podsService(engine as Engine));
  return createLocalClient(PodsDefinition, server);
}

test('a listed pod is told whole', async () => {
  const pod = {
    id: 'i',
    name: 'web',
    state: 'degraded' as const,
    createdAt: 7n,
    labels: { a: 'b' },
    ports: [{ hostIp: '', hostPort: 8080, containerPort: 80, protocol: 'tcp' as const }],
    networks: ['bridge'],
    ip: '10.1.0.2',
    containers: [{ id: 'c', name: 'n', state: 'exited' }],
    sandboxId: 's',
  };
  const asked: unknown[] = [];
  const client = clientOf({
    list: (options) => {
      asked.push(options);
      return [pod];
    },
  });
  const { pods } = await client.list({ all: true, filters: { name: { values: ['w'] } } });
  const ports = ['0.0.0.0', '::'].map((hostIp) => ({ ...pod.ports[0], hostIp, hostPortEnd: 0 }));
  assert.deepEqual(pods, [{ ...pod, ports }]);
  assert.deepEqual(asked, [{ all: true, filters: { name: ['w'] } }]);
});

test('each verb reaches the engine and answers with what it gives', async () => {
  const record = { name: 'web' } as never;
  const asked: unknown[] = [];
  const noting =
    <T>(answer: T) =>
    (...args: unknown[]) => {
      asked.push(args);
      return answer;
    };
  const client = clientOf({
    create: noting(Promise.resolve({ id: 'i', warnings: ['w'] } as never)),
    inspect: noting({ Id: 'i' }),
    start: noting(Promise.resolve(record)),
    stop: noting(Promise.resolve(record)),
    remove: noting(Promise.resolve({ name: 'web', containers: ['c1', 'c2'] })),
  });
  const spec = PodSpec.fromPartial({ sharePid: true });
  assert.deepEqual(await client.create({ name: 'web', spec }), { id: 'i', warnings: ['w'] });
  assert.equal((await client.inspect({ pod: 'web' })).document.toString(), '{"Id":"i"}');
  assert.deepEqual(await client.start({ pod: 'web' }), { name: 'web' });
  assert.deepEqual(await client.stop({ pod: 'web', timeout: 0 }), { name: 'web' });
  assert.deepEqual(await client.remove({ pod: 'web', force: true }), {
    name: 'web',
    removedContainers: ['c1', 'c2'],
  });
  assert.deepEqual(asked, [
    ['web', toPodSpec(spec)],
    ['web'],
    ['web'],
    ['web', { timeout: 0 }],
    ['web', { force: true }],
  ]);
});

test('a specification: every field has its place, bridge is the default network', () => {
  const message = PodSpec.fromPartial({
    hostname: 'h',
    labels: { a: 'b' },
    ports: [{ hostPort: 1, containerPort: 2, protocol: 'udp' }],
    networkMode: 'bridge',
    network: NetworkOptions.fromPartial({ dns: ['10.0.0.1'], aliases: ['x'] }),
    sysctls: { 'net.core.somaxconn': '9' },
    sharePid: true,
    cgroupParent: '/p',
    annotations: { k: 'v' },
    shmSizeBytes: 9n,
  });
  const { ports, networkMode, network, ...same } = toPodSpec(message);
  const { ports: _, networkMode: __, network: ___, ...given } = message;
  assert.deepEqual(same, { ...given, shmSizeBytes: 9 });
  assert.deepEqual(ports, [{ hostIp: '', hostPort: 1, containerPort: 2, protocol: 'udp' }]);
  assert.equal(networkMode, 'default');
  assert.deepEqual([network.dns, network.aliases], [['10.0.0.1'], ['x']]);
  assert.equal(toPodSpec(PodSpec.fromPartial({ networkMode: 'host' })).networkMode, 'host');
});

for (const [over, message] of [
  [{ networkMode: 'container:web' }, 'a pod cannot use the network of container:web'],
  [{ ports: [{ containerPort: 0 }] }, 'invalid containerPort: 0'],
  [{ ports: [{ containerPort: 1, protocol: 'sctp' }] }, 'invalid proto: sctp'],
] as const)
  test(`refuses ${JSON.stringify(over)}`, () =>
    assert.throws(() => toPodSpec(PodSpec.fromPartial(over as never)), { message, reason: 'bad-input' }));

test('refuses no specification at all', () => assert.throws(() => toPodSpec(undefined), { reason: 'bad-input' }));
