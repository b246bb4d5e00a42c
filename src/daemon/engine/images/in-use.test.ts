import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import { silentLog } from '../../../host/log.ts';
import type { Containerd } from '../../backends/containerd.ts';
import { createImageEngine } from './images.ts';
import { hostPlatform, mediaTypes, type OciDescriptor, type OciIndex } from './oci.ts';
import type { ImageUser } from './parts.ts';

const missing = () => Promise.reject(new K3cError(Code.NOT_FOUND, 'not found'));

/** A store in memory; what is in `hooks` is called and waited for before a call is answered. */
function makeStore() {
  const blobs = new Map<string, Buffer>();
  const records = new Map<string, OciDescriptor>();
  const users = new Map<string, ImageUser[]>();
  const pods: { imageId: string }[] = [];
  const hooks: { onDelete?: (name: string) => unknown; onRead?: (name: string) => unknown } = {};
  const put = (value: object, mediaType: string): OciDescriptor => {
    const data = Buffer.from(JSON.stringify(value));
    const digest = `sha256:${createHash('sha256').update(data).digest('hex')}`;
    blobs.set(digest, data);
    return { mediaType, digest, size: data.length };
  };
  const asRecord = (name: string) => {
    const target = records.get(name);
    return { name, target: target && { ...target, size: BigInt(target.size), annotations: {} }, labels: {} };
  };
  const containerd = {
    images: {
      list: async () => ({ images: [...records.keys()].map(asRecord) }),
      async get({ name }: { name: string }) {
        const image = asRecord(name);
        await hooks.onRead?.(name);
        return image.target === undefined ? missing() : { image };
      },
      async delete({ name }: { name: string }) {
        await hooks.onDelete?.(name);
        return records.delete(name) ? {} : missing();
      },
    },
    content: {
      info: async ({ digest }: { digest: string }) => (blobs.has(digest) ? {} : missing()),
      async *read({ digest }: { digest: string }) {
        yield { data: blobs.get(digest) ?? (await missing()) };
      },
      async *list() {
        yield { info: [...blobs].map(([digest, { length }]) => ({ digest, size: BigInt(length), labels: {} })) };
      },
    },
    snapshots: {
      async *list() {
        yield { info: [] };
      },
      stat: missing,
    },
    leases: { create: async () => ({}), delete: async () => ({}) },
    cri: { listContainers: async () => ({ containers: pods.map((each) => ({ imageRef: '', ...each })) }) },
    criImages: { imageStatus: async () => ({}) },
  } as unknown as Containerd;
  const images = createImageEngine({
    containerd,
    snapshotter: 'overlayfs',
    log: silentLog,
    containersUsing: (id) => users.get(id) ?? [],
  });
  const manifest = (label: string, platform = hostPlatform()) => {
    const rootfs = { type: 'layers', diff_ids: [] };
    const config = put({ ...platform, rootfs, config: { Labels: { label } } }, mediaTypes.ociConfig);
    const descriptor = put({ schemaVersion: 2, config, layers: [] }, mediaTypes.ociManifest);
    return { id: config.digest, descriptor: { ...descriptor, platform } };
  };
  return {
    images,
    hooks,
    users,
    pods,
    records,
    put,
    manifest,
    /** An image with the record by its id and this name; returns the id. */
    add(name: string): string {
      const { id, descriptor } = manifest(name);
      records.set(id, descriptor).set(nameOf(name), descriptor);
      return id;
    },
    /** What a container does that is being made of an image. */
    create: (name: string) => images.use(name, ({ id }) => void users.set(id, [{ id: 'c', running: true }])),
  };
}

const nameOf = (name: string) => `docker.io/library/${name}:latest`;
const isGone = (error: unknown) => hasCode(error, Code.NOT_FOUND);

test('prune: a container made while an image before it goes keeps its own', async () => {
  const store = makeStore();
  const [first, second] = [store.add('first'), store.add('second')];
  store.hooks.onDelete = async (name) => {
    delete store.hooks.onDelete;
    assert.equal(name, first);
    await store.create('second');
  };
  const { images } = await store.images.prune({ all: true, filters: {} });
  assert.deepEqual(images, [first]);
  assert.deepEqual([...store.records.keys()], [second, nameOf('second')]);
});

test('prune: who asks for an image that is going is told that there is none', async () => {
  const store = makeStore();
  const id = store.add('app');
  let created: Promise<void> | undefined;
  store.hooks.onDelete = (name) => {
    // Its name is still there.
    if (name === id) created = store.create('app');
    created?.catch(() => undefined);
    return new Promise(setImmediate);
  };
  await store.images.prune({ all: true, filters: {} });
  assert.ok(created !== undefined);
  await assert.rejects(created, isGone);
  assert.equal(store.users.size, 0);
});

test('prune: a container that found its image before, and is written after it went, is none', async () => {
  const store = makeStore();
  store.add('app');
  // The record was read; the answer comes when all is over.
  store.hooks.onRead = async () => {
    delete store.hooks.onRead;
    await store.images.prune({ all: true, filters: {} });
  };
  await assert.rejects(store.create('app'), isGone);
  assert.equal(store.users.size, 0);
});

test('prune: an image that a pod of others begins to use meanwhile stays', async () => {
  const store = makeStore();
  const [first, second] = [store.add('first'), store.add('second')];
  store.hooks.onDelete = () => void store.pods.push({ imageId: second });
  const { images } = await store.images.prune({ all: true, filters: {} });
  assert.deepEqual(images, [first]);
});

test('prune and rmi: a name stays whose other platform a container has', async () => {
  const store = makeStore();
  const [here, there] = [store.manifest('here'), store.manifest('there', { os: 'linux', architecture: 'riscv64' })];
  const both: OciIndex = { schemaVersion: 2, manifests: [here.descriptor, there.descriptor] };
  store.records.set(nameOf('app'), store.put(both, mediaTypes.ociIndex)).set(there.id, there.descriptor);
  await store.images.use(
    'app',
    ({ id }) => void store.users.set(id, [{ id: 'c', running: false }]),
    undefined,
    'linux/riscv64',
  );
  assert.deepEqual([...store.users.keys()], [there.id]);
  assert.deepEqual((await store.images.prune({ all: true, filters: {} })).images, []);
  await assert.rejects(store.images.remove('app', false), /must force/);
  assert.ok(store.records.has(nameOf('app')));
});

test('rmi: who asks for an image that is going waits, and gets it where the removal failed', async () => {
  const store = makeStore();
  const id = store.add('app');
  let created: Promise<void> | undefined;
  store.hooks.onDelete = async () => {
    created ??= store.create('app');
    await new Promise(setImmediate);
    assert.equal(store.users.size, 0, 'it did not wait');
    throw new K3cError(Code.UNAVAILABLE, 'containerd is away');
  };
  await assert.rejects(store.images.remove('app', false), /is away/);
  await created;
  assert.deepEqual([...store.users.keys()], [id]);
});

test('rmi: not found for a container that found its image before', async () => {
  const store = makeStore();
  store.add('app');
  store.hooks.onRead = async () => {
    delete store.hooks.onRead;
    await store.images.remove('app', false);
  };
  await assert.rejects(store.create('app'), isGone);
});
