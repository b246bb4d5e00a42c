import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ContainerEventResponse,
  ListContainerStatsResponse,
  ListContainersResponse,
  ListImagesResponse,
  ListPodSandboxMetricsResponse,
  ListPodSandboxResponse,
  ListPodSandboxStatsResponse,
  PullImageResponse,
} from '../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { kubeletRewrite } from './kubelet-view.ts';
import { appendTrue, mapItems } from './wire.ts';

const own = { 'k3c.io/id': 'abc' };
const pulled: string[] = [];
const view = {
  isOwn: (id: string) => id === 'own',
  isPinned: ({ id }: { id: string }) => id !== 'kubelets',
  onPulled: (id: string) => pulled.push(id),
};

const encode = (finish: { finish(): Uint8Array }) => Buffer.from(finish.finish());

function rewrite(path: string, message: Buffer): Buffer | undefined {
  const change = kubeletRewrite(path, view);
  assert.ok(change !== undefined, `${path} is looked into`);
  const changed = change(message);
  return changed === undefined ? undefined : Buffer.from(changed);
}

test('own sandboxes and containers are left out of every list', () => {
  const runtime = '/runtime.v1.RuntimeService/';
  const sandboxes = encode(
    ListPodSandboxResponse.encode(
      ListPodSandboxResponse.fromPartial({
        items: [{ id: 'a' }, { id: 'own', labels: own }, { id: 'b', labels: { x: 'y' } }],
      }),
    ),
  );
  for (const method of ['ListPodSandbox', 'StreamPodSandboxes']) {
    const { items } = ListPodSandboxResponse.decode(rewrite(runtime + method, sandboxes) ?? Buffer.alloc(0));
    assert.deepEqual(
      items.map(({ id }) => id),
      ['a', 'b'],
      method,
    );
  }
  const containers = encode(
    ListContainersResponse.encode(
      ListContainersResponse.fromPartial({ containers: [{ id: 'own', labels: own }, { id: 'a' }] }),
    ),
  );
  for (const method of ['ListContainers', 'StreamContainers']) {
    const { containers: left } = ListContainersResponse.decode(
      rewrite(runtime + method, containers) ?? Buffer.alloc(0),
    );
    assert.deepEqual(
      left.map(({ id }) => id),
      ['a'],
      method,
    );
  }
  const podStats = encode(
    ListPodSandboxStatsResponse.encode(
      ListPodSandboxStatsResponse.fromPartial({
        stats: [{ attributes: { id: 'own', labels: own } }, { attributes: { id: 'a' } }],
      }),
    ),
  );
  assert.equal(
    ListPodSandboxStatsResponse.decode(rewrite(`${runtime}ListPodSandboxStats`, podStats) ?? Buffer.alloc(0)).stats
      .length,
    1,
  );
  const stats = encode(
    ListContainerStatsResponse.encode(
      ListContainerStatsResponse.fromPartial({
        stats: [{ attributes: { id: 'own', labels: own } }, { attributes: { id: 'a' } }],
      }),
    ),
  );
  assert.equal(
    ListContainerStatsResponse.decode(rewrite(`${runtime}ListContainerStats`, stats) ?? Buffer.alloc(0)).stats.length,
    1,
  );
  const metrics = encode(
    ListPodSandboxMetricsResponse.encode(
      ListPodSandboxMetricsResponse.fromPartial({ podMetrics: [{ podSandboxId: 'own' }, { podSandboxId: 'a' }] }),
    ),
  );
  assert.deepEqual(
    ListPodSandboxMetricsResponse.decode(
      rewrite(`${runtime}ListPodSandboxMetrics`, metrics) ?? Buffer.alloc(0),
    ).podMetrics.map(({ podSandboxId }) => podSandboxId),
    ['a'],
  );
});

test('events of own sandboxes are dropped, by label, by container, or by id alone', () => {
  const path = '/runtime.v1.RuntimeService/GetContainerEvents';
  const event = (partial: Parameters<typeof ContainerEventResponse.fromPartial>[0]) =>
    encode(ContainerEventResponse.encode(ContainerEventResponse.fromPartial(partial)));
  assert.equal(rewrite(path, event({ containerId: 'c', podSandboxStatus: { id: 'p', labels: own } })), undefined);
  assert.equal(rewrite(path, event({ containerId: 'c', containersStatuses: [{ id: 'c', labels: own }] })), undefined);
  assert.equal(rewrite(path, event({ containerId: 'own' })), undefined);
  assert.equal(rewrite(path, event({ containerId: 'c', podSandboxStatus: { id: 'own' } })), undefined);
  const foreign = event({ containerId: 'c', podSandboxStatus: { id: 'p' } });
  assert.deepEqual(rewrite(path, foreign), foreign);
});

test('images that the kubelet must leave are pinned, and its pulls are told', () => {
  const images = encode(
    ListImagesResponse.encode(
      ListImagesResponse.fromPartial({
        images: [
          { id: 'kubelets', size: 5n },
          { id: 'ours', size: 7n, repoTags: ['a:1'] },
          { id: 'pause', pinned: true },
        ],
      }),
    ),
  );
  const answer = ListImagesResponse.decode(rewrite('/runtime.v1.ImageService/ListImages', images) ?? Buffer.alloc(0));
  assert.deepEqual(
    answer.images.map(({ id, pinned, size }) => [id, pinned, size]),
    [
      ['kubelets', false, 5n],
      ['ours', true, 7n],
      ['pause', true, 0n],
    ],
  );
  const pull = encode(PullImageResponse.encode({ imageRef: 'sha256:1' }));
  assert.deepEqual(rewrite('/runtime.v1.ImageService/PullImage', pull), pull);
  assert.deepEqual(pulled, ['sha256:1']);
});

test('calls by id and other services pass unseen', () => {
  for (const path of [
    '/runtime.v1.RuntimeService/RunPodSandbox',
    '/runtime.v1.RuntimeService/PodSandboxStatus',
    '/runtime.v1.ImageService/ImageStatus',
    '/containerd.services.containers.v1.Containers/List',
    '/runtime.v1.Other/ListContainers',
    '',
  ]) {
    assert.equal(kubeletRewrite(path, view), undefined, path);
  }
});

test('what our types do not know stays in a rewritten message', () => {
  const item = (id: string) =>
    Buffer.concat([Buffer.from([0x0a, id.length]), Buffer.from(id), Buffer.from([0xf8, 0x3f, 0x05])]);
  const list = Buffer.concat(
    ['a', 'b']
      .map((id) => Buffer.concat([Buffer.from([0x0a, item(id).length]), item(id)]))
      .concat([
        Buffer.from([0xf8, 0x3f, 0x80, 0x01]), // field 1023, varint
        Buffer.from([0xf9, 0x3f, 1, 2, 3, 4, 5, 6, 7, 8]), // fixed64
        Buffer.from([0xfd, 0x3f, 1, 2, 3, 4]), // fixed32
        Buffer.from([0xfa, 0x3f, 2, 9, 9]), // bytes
      ]),
  );
  assert.equal(
    mapItems(list, 1, (same) => same),
    list,
  );
  const without = mapItems(list, 1, (one) => (one.includes('a') ? undefined : one));
  assert.deepEqual(without, list.subarray(2 + item('a').length));
  const pinned = mapItems(list, 1, (one) => (one.includes('a') ? appendTrue(one, 8) : one));
  assert.equal(pinned.length, list.length + 2);
  assert.ok(pinned.includes(Buffer.from([0xf8, 0x3f, 0x05, 0x40, 0x01])));
});

test('a malformed message is an error, not a loop and not a crash', () => {
  for (const bytes of [
    [0x0a],
    [0x0a, 5, 1],
    [0x0b, 1],
    [0x80],
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
    [0x09, 1],
  ]) {
    assert.throws(() => mapItems(Buffer.from(bytes), 1, (same) => same), /not a valid protobuf message/);
  }
});

test('large items get a length of several bytes', () => {
  const big = Buffer.alloc(300_000, 1);
  const one = Buffer.concat([Buffer.from([0x0a, 0xe0, 0xa7, 0x12]), big]);
  const twice = mapItems(one, 1, (item) => Buffer.concat([item, item]));
  assert.equal(twice.length, 4 + 600_000);
  mapItems(twice, 1, (item) => {
    assert.equal(item.length, 600_000);
    return item;
  });
});
