import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, K3cError } from '../../api/errors.ts';
import { ContainerSpec } from '../../api/gen/k3c.ts';
import { sampleRecord } from '../engine/containers/samples.ts';
import { toSummary } from './container-messages.ts';
import { toSpec } from './spec/container.ts';

const spec = (over: Parameters<typeof ContainerSpec.fromPartial>[0]) =>
  ContainerSpec.fromPartial({ image: 'busybox', ...over });

test('absent fields mean the image or the default', () => {
  const made = toSpec(spec({}), false);
  assert.deepEqual(
    [made.entrypoint, made.stopTimeout, made.networkMode, made.restart, made.resources.memoryBytes],
    [null, null, 'default', { name: 'no', maximumRetryCount: 0 }, 0],
  );
  assert.deepEqual(toSpec(spec({ entrypoint: { values: [] }, stopTimeout: 0 }), false).entrypoint, []);
  assert.equal(toSpec(spec({ stopTimeout: 0 }), false).stopTimeout, 0);
  assert.equal(toSpec(spec({ resources: { memoryBytes: 5n << 30n } }), false).resources.memoryBytes, 5 * 2 ** 30);
});

test('stdin ends with its client only where there is stdin', () => {
  assert.equal(toSpec(spec({ openStdin: true }), true).stdinOnce, true);
  assert.equal(toSpec(spec({ openStdin: true }), false).stdinOnce, false);
  assert.equal(toSpec(spec({ openStdin: false }), true).stdinOnce, false);
});

test('what a message can say and the engine cannot do is refused by name', () => {
  for (const [over, message] of [
    [{ restart: { name: 'sometimes' } }, /unknown policy 'sometimes'/],
    [{ ports: [{ containerPort: 80, protocol: 'sctp' }] }, 'invalid proto: sctp'],
    [{ ports: [{ containerPort: 70_000, protocol: 'tcp' }] }, 'invalid containerPort: 70000'],
    [{ ports: [{ containerPort: 1, hostPort: 70_000, protocol: 'tcp' }] }, 'invalid hostPort: 70000'],
    [{ ports: [{ containerPort: 1, hostIp: 'localhost', protocol: 'tcp' }] }, 'invalid IP address: localhost'],
    [{ mounts: [{ type: 'npipe', source: 'a', target: '/b' }] }, 'mount type unknown: "npipe"'],
    [{ mounts: [{ type: 'bind', source: '/a', target: '/b', propagation: 'odd' }] }, 'invalid propagation mode: "odd"'],
  ] as const)
    assert.throws(() => toSpec(spec(over as never), false), { message });
  assert.throws(
    () => toSpec(undefined, false),
    (error) => error instanceof K3cError && error.code === Code.INVALID_ARGUMENT,
  );
});

test('a line of ps', () => {
  const base = sampleRecord();
  const summary = toSummary(
    sampleRecord({
      state: 'starting',
      startedAt: 0n,
      config: { ...base.config, entrypoint: ['/e'], command: ['a', 'b'], exposedPorts: ['80/tcp'] },
    }),
  );
  assert.deepEqual(
    [summary.command, summary.state, summary.image, summary.networks],
    ['/e a b', 'created', 'busybox', ['bridge']],
  );
  assert.deepEqual(summary.exposedPorts, [
    { hostIp: '', hostPort: 0, hostPortEnd: 0, containerPort: 80, protocol: 'tcp' },
  ]);
  const byId = toSummary(sampleRecord({ imageRef: base.imageId, spec: { ...base.spec, image: base.imageId } }));
  assert.equal(byId.image, '1'.repeat(12));
});
