/** Pulls from a registry that breaks off, or refuses in the middle. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import type { TransferEvent } from '../../src/daemon/engine/images/transfer-events.ts';
import { type FlakyRegistry, startFlakyRegistry } from '../support/flaky-registry.ts';
import { ImageLab, rejects } from '../support/image-lab.ts';
import { type Registry, startRegistry } from '../support/registry.ts';

const MIB = 1 << 20;

let lab: ImageLab;
let registry: Registry;
let flaky: FlakyRegistry;

before(async () => {
  lab = await ImageLab.start();
  registry = await startRegistry({ directory: join(lab.base, 'registry') });
  flaky = await startFlakyRegistry(registry.address);
});

after(async () => {
  await flaky?.stop();
  await registry?.stop();
  await lab?.stop();
});

afterEach(() => {
  flaky.cut = () => undefined;
  flaky.refuse = () => undefined;
  flaky.blobs.splice(0);
});

/** An image of layers of this size that only the registry has. */
async function publish(repository: string, layers: number, bytes: number): Promise<string> {
  const name = `${flaky.address}/${repository}:1`;
  await lab.load([name], { layers, bytes });
  await lab.images.push({ reference: name });
  await lab.images.remove(name, false);
  await lab.collectGarbage();
  return name;
}

const endLeases = async () => {
  const { leases } = await lab.containerd.leases.list({});
  for (const { id } of leases) await lab.containerd.leases.delete({ id, sync: true });
};

test('a connection that is cut in the middle of a layer is made anew, and the layer goes on where it was', async () => {
  const name = await publish('cut', 2, 8 * MIB);
  const cut = new Set<string>();
  flaky.cut = (digest) => {
    if (cut.has(digest)) return undefined;
    cut.add(digest);
    return 3 * MIB;
  };
  const pulled = await lab.images.pull({ reference: name });
  assert.equal((await lab.images.resolve(name)).id, pulled.id);
  const layers = [...new Set(flaky.blobs.map(({ digest }) => digest))].filter(
    (digest) => flaky.blobs.filter((each) => each.digest === digest).length > 1,
  );
  assert.equal(layers.length, 2, 'both layers were asked for twice');
  for (const digest of layers) {
    const again = flaky.blobs.filter((each) => each.digest === digest).at(-1);
    const from = Number(/^bytes=(\d+)-/.exec(again?.range ?? '')?.[1]);
    assert.ok(from > MIB && from <= 3 * MIB, `${again?.range}`);
  }
  await lab.images.remove(name, false);
});

test('a pull that failed in the middle of a layer goes on there at the next try', async () => {
  const name = await publish('resumed', 1, 16 * MIB);
  // From there on nothing more comes, however often it is asked for.
  flaky.cut = (_digest, range) => (range === undefined ? 6 * MIB : 0);
  await rejects(lab.images.pull({ reference: name }), /failed: .*(EOF|reset)/);
  await lab.collectGarbage();
  flaky.cut = () => undefined;
  flaky.blobs.splice(0);
  const events: TransferEvent[] = [];
  const pulled = await lab.images.pull({ reference: name, onEvent: (event) => events.push(event) });
  assert.equal((await lab.images.resolve(name)).id, pulled.id);
  const from = flaky.blobs.map(({ range }) => Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0));
  assert.ok(Math.max(...from) > 4 * MIB, `asked for ${JSON.stringify(flaky.blobs)}`);
  await endLeases();
  await lab.images.remove(name, false);
});

test('a limit of how often a registry is asked is told as such, whichever request meets it', async () => {
  const name = await publish('limited', 1, MIB);
  for (const kind of ['/manifests/', '/blobs/']) {
    flaky.refuse = (url) => (url.includes(kind) ? 429 : undefined);
    await rejects(
      lab.images.pull({ reference: name }),
      `toomanyrequests: ${flaky.address} limits how often it is asked`,
    );
  }
  flaky.refuse = () => undefined;
  await lab.images.pull({ reference: name });
  await endLeases();
  await lab.images.remove(name, false);
});

test('six pulls of one image at once fetch every layer once', async () => {
  const name = await publish('popular', 4, 2 * MIB);
  const pulls = await Promise.all(Array.from({ length: 6 }, () => lab.images.pull({ reference: name })));
  assert.equal(new Set(pulls.map(({ id }) => id)).size, 1);
  const asked = flaky.blobs.map(({ digest }) => digest);
  assert.deepEqual(asked.toSorted(), [...new Set(asked)].toSorted());
  await lab.images.remove(name, false);
});
