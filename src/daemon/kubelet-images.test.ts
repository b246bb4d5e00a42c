import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ImageDelete } from '../api/gen/events/image.ts';
import { silentLog } from '../host/log.ts';
import type { Containerd } from './backends/containerd.ts';
import { KubeletImages } from './kubelet-images.ts';

/** A containerd with one marked image, whose events a test gives. */
function fakeContainerd(): {
  readonly containerd: Pick<Containerd, 'images' | 'events'>;
  readonly removed: (name: string) => void;
} {
  const queue: string[] = [];
  let wake: () => void = () => undefined;
  async function* subscribe(_request: unknown, { signal }: { signal: AbortSignal }) {
    signal.addEventListener('abort', () => wake(), { once: true });
    while (!signal.aborted) {
      const name = queue.shift();
      if (name === undefined) await new Promise<void>((resolve) => (wake = resolve));
      else yield { event: { typeUrl: '', value: Buffer.from(ImageDelete.encode({ name }).finish()) } };
    }
  }
  const images = {
    list: () => Promise.resolve({ images: [{ name: 'sha256:old' }] }),
    get: () => Promise.resolve({ image: undefined }),
  };
  return {
    containerd: { images, events: { subscribe } } as unknown as Pick<Containerd, 'images' | 'events'>,
    removed(name) {
      queue.push(name);
      wake();
    },
  };
}

test('an image that was removed is the kubelet’s no longer', async () => {
  const { containerd, removed } = fakeContainerd();
  const images = new KubeletImages(containerd, () => false, silentLog);
  const stop = new AbortController();
  await images.load(stop.signal);
  images.onPulled('sha256:new');
  assert.deepEqual([images.isPinned('sha256:old'), images.isPinned('sha256:new')], [false, false]);
  const following = images.follow(stop.signal);
  removed('sha256:new');
  for (let i = 0; i < 100 && !images.isPinned('sha256:new'); i++) await turn();
  assert.deepEqual([images.isPinned('sha256:old'), images.isPinned('sha256:new')], [false, true]);
  stop.abort();
  await following;
});
