import assert from 'node:assert/strict';
import { test } from 'node:test';
import { field, grouped, mayBeRelayed, route } from './route.ts';

test('services go to the daemon that has them', () => {
  const table: [string, string | undefined, boolean?][] = [
    ['/k3c.v1.Containers/Create', 'k3c'],
    ['/runtime.v1.RuntimeService/Version', 'containerd'],
    ['/runtime.v1.ImageService/ListImages', 'containerd'],
    ['/runtime.v1alpha2.RuntimeService/Version', undefined],
    ['/containerd.services.images.v1.Images/List', 'containerd'],
    ['/containerd.services.content.v1.Content/Read', 'containerd', true],
    ['/containerd.services.content.v1.Content/Read', 'buildkitd', false],
    ['/containerd.services.leases.v1.Leases/List', 'containerd', false],
    ['/moby.buildkit.v1.Control/Solve', 'buildkitd'],
    ['/moby.buildkit.v1.frontend.LLBBridge/Solve', 'buildkitd'],
    ['/opentelemetry.proto.collector.trace.v1.TraceService/Export', 'buildkitd'],
    ['/grpc.health.v1.Health/Check', 'containerd'],
    ['/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', undefined],
    ['/k3c.v2.Containers/Create', undefined],
    ['k3c.v1.Containers/Create', undefined],
    ['/', undefined],
    ['', undefined],
  ];
  for (const [path, destination, namespace] of table) {
    assert.equal(
      route(path, (name) => namespace === true && name === 'containerd-namespace'),
      destination,
      path,
    );
  }
});

test('a field is found by its whole name, its first value counts', () => {
  const raw = [':path', '/a', 'x', '1', 'x', '2', 'y', 'x'];
  assert.equal(field(raw, 'x'), '1');
  assert.equal(field(raw, ':path'), '/a');
  assert.equal(field(raw, '1'), undefined);
});

test('repeated fields are grouped in order, also those named like properties of an object', () => {
  const groups = grouped([
    ['a', '1'],
    ['b', 'x, y'],
    ['a', '2'],
    ['constructor', 'c'],
  ]);
  assert.deepEqual(Object.entries(groups), [
    ['a', ['1', '2']],
    ['b', 'x, y'],
    ['constructor', 'c'],
  ]);
});

test('whole connections are for clients that bear to be sent to another one', () => {
  for (const agent of ['grpc-go/1.84.0', 'buildctl/v0.30 grpc-go/1.84.0', 'k3c']) assert.ok(mayBeRelayed(agent), agent);
  for (const agent of [
    undefined,
    '',
    'grpc-node-js/1.14.0',
    'tonic/0.12',
    'grpc-python/1.6 grpc-c/40',
    'not-grpc-go/1',
    'k3c2',
  ])
    assert.equal(mayBeRelayed(agent), false, `${agent}`);
});
