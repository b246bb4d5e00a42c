import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, K3cError } from '../../../api/errors.ts';
import type { Happening } from '../events/bus.ts';
import { type TellingImageEngine, withEvents } from './image-events.ts';
import type { ImageEngine } from './images.ts';

const ID = `sha256:${'1'.repeat(64)}`;
const OTHER = `sha256:${'2'.repeat(64)}`;

/** An engine that does what it is asked, and what it told of it. */
function rig(over: Partial<ImageEngine> = {}) {
  const told: Happening[] = [];
  const engine = {
    resolve: async () => ({ id: ID, reference: 'x', config: { config: { Labels: { tier: 'a' } } } }),
    tag: async () => undefined,
    remove: async () => ({ untagged: ['a:1', 'a@sha256:3'], deleted: [ID, OTHER] }),
    pull: async () => ({ reference: 'docker.io/library/busybox:latest', id: ID, digest: 'd', upToDate: false }),
    push: async () => ({ reference: 'localhost:5000/a/b:1', digest: 'd', size: 1 }),
    load: async () => [
      { id: ID, name: 'busybox:latest' },
      { id: OTHER, name: undefined },
    ],
    commit: async () => ID,
    import: async () => ID,
    ...over,
  } as unknown as ImageEngine;
  const images = withEvents(engine, { record: (event) => void told.push(event) });
  const lines = () =>
    told.map(({ type, action, actor, attributes }) => {
      assert.deepEqual([type, attributes['tier']], ['image', 'a']);
      return `${action} ${actor} ${attributes['name']}`;
    });
  return { images, lines };
}

test('each act tells what docker tells', async () => {
  const cases: [act: (images: TellingImageEngine) => Promise<unknown>, lines: string[]][] = [
    [(images) => images.tag('busybox', 'other'), [`tag ${ID} other:latest`]],
    [(images) => images.remove('a:1', false), [`untag ${ID} ${ID}`, `untag ${ID} ${ID}`, `delete ${ID} ${ID}`]],
    [(images) => images.pull({ reference: 'busybox' }), ['pull busybox:latest busybox']],
    [(images) => images.push({ reference: 'x' }), ['push localhost:5000/a/b:1 localhost:5000/a/b']],
    [(images) => images.load(nothing()), [`load ${ID} busybox:latest`, `load ${OTHER} ${OTHER}`]],
    [(images) => images.import({ ...imported, reference: '' }), [`import ${ID} ${ID}`]],
    [(images) => images.import({ ...imported, reference: 'a' }), [`tag ${ID} a:latest`, `import ${ID} ${ID}`]],
    [
      (images) => images.built(['docker.io/library/a:1', 'b.io/c:2'], new AbortController().signal),
      [`tag ${ID} a:1`, `tag ${ID} b.io/c:2`],
    ],
    [(images) => images.commit({ reference: 'b:2' } as never), [`tag ${ID} b:2`]],
    [(images) => images.commit({ reference: '' } as never), []],
  ];
  for (const [act, expected] of cases) {
    const { images, lines } = rig();
    await act(images);
    assert.deepEqual(lines(), expected);
  }
});

test('what was not done is not told, and fails as it would without', async () => {
  const failure = new Error('no such image');
  const fails = () => Promise.reject(failure);
  const { images, lines } = rig({ resolve: fails, remove: fails, pull: fails } as unknown as Partial<ImageEngine>);
  await assert.rejects(images.remove('x', false), failure);
  await assert.rejects(images.tag('x', 'y'), failure);
  await assert.rejects(images.pull({ reference: 'x' }), failure);
  assert.deepEqual(lines(), []);
});

async function* nothing(): AsyncGenerator<Buffer> {
  yield* [];
}
const imported = { message: '', changes: [], bytes: nothing() };

test('a build that is told of after its image was removed is no event', async () => {
  const gone = () => Promise.reject(new K3cError(Code.NOT_FOUND, 'No such image: x'));
  const { images, lines } = rig({ resolve: gone } as unknown as Partial<ImageEngine>);
  await images.built(['x:1'], new AbortController().signal);
  assert.deepEqual(lines(), []);
});
