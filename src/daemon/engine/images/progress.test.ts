import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TransferProgressEvent } from '../../backends/transfer.ts';
import { LayerProgressView } from './progress.ts';

const layer = 'application/vnd.oci.image.layer.v1.tar+gzip';

function event(name: string, digit: string, progress = 0n, mediaType = layer): TransferProgressEvent {
  const digest = `sha256:${digit.repeat(64)}`;
  return {
    event: name,
    name: `layer-${digest}`,
    parents: [],
    progress,
    total: 100n,
    desc: { mediaType, digest, size: 100n, annotations: {} },
  };
}

test('a pull in docker words, from waiting to complete', () => {
  const view = new LayerProgressView('pull');
  const words = ['waiting', 'downloading', 'downloading', 'complete', 'extracting', 'extracted'].map((name, i) =>
    view.apply(event(name, 'a', BigInt(i * 20))),
  );
  assert.deepEqual(
    words.map((update) => [update?.status, update?.current, update?.complete]),
    [
      ['Pulling fs layer', 0n, false],
      ['Downloading', 20n, false],
      ['Downloading', 40n, false],
      ['Download complete', 60n, false],
      ['Extracting', 80n, false],
      ['Pull complete', 100n, true],
    ],
  );
  assert.equal(words[0]?.id, 'aaaaaaaaaaaa');
  assert.deepEqual(view.finish(), []);
  assert.equal(view.moved, true);
});

test('layers whose end containerd never told are ended with the transfer', () => {
  const view = new LayerProgressView('pull');
  view.apply(event('waiting', 'a'));
  view.apply(event('extracting', 'b', 10n));
  view.apply(event('already exists', 'c'));
  assert.deepEqual(
    view.finish().map(({ id, status, current, complete }) => [id[0], status, current, complete]),
    [
      ['a', 'Pull complete', 100n, true],
      ['b', 'Pull complete', 100n, true],
      ['c', 'Pull complete', 100n, true],
    ],
  );
});

test('what was there already moved nothing', () => {
  const view = new LayerProgressView('pull');
  assert.equal(view.apply(event('waiting', 'a'))?.status, 'Pulling fs layer');
  assert.equal(view.apply(event('already exists', 'a'))?.status, 'Download complete');
  assert.equal(view.moved, false);
  assert.equal(
    view.announce({ mediaType: layer, digest: `sha256:${'b'.repeat(64)}`, size: 1 }, true).status,
    'Already exists',
  );
  assert.equal(view.apply(event('downloading', 'b', 5n)), undefined, 'it is fetched only to be complete');
  assert.deepEqual(
    view.finish().map(({ id, status }) => [id[0], status]),
    [['a', 'Pull complete']],
  );
});

test('a push has its own words', () => {
  const view = new LayerProgressView('push');
  const words = ['waiting', 'uploading', 'complete'].map((name) => view.apply(event(name, 'a'))?.status);
  assert.deepEqual(words, ['Preparing', 'Pushing', 'Pushed']);
  assert.equal(view.apply(event('already exists', 'b'))?.status, 'Layer already exists');
});

test('manifests, configurations and lines without a layer are not shown; a second waiting changes nothing', () => {
  const view = new LayerProgressView('pull');
  assert.equal(view.apply(event('waiting', 'a', 0n, 'application/vnd.oci.image.manifest.v1+json')), undefined);
  assert.equal(view.apply(event('waiting', 'a', 0n, 'application/vnd.oci.image.config.v1+json')), undefined);
  assert.equal(view.apply({ ...event('saved', 'a'), desc: undefined }), undefined);
  view.apply(event('downloading', 'b', 5n));
  assert.equal(view.apply(event('waiting', 'b')), undefined);
});
