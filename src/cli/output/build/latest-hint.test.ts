import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatLatestHint } from './latest-hint.ts';

test('one line for :latest, whatever else the image is called, and none without it', () => {
  const hint = formatLatestHint({
    'image.name': 'docker.io/library/a:1,docker.io/me/b:latest,docker.io/library/c:latest',
  });
  assert.match(hint, /^hint: Kubernetes pulls me\/b:latest .*IfNotPresent\n$/);
  assert.equal(formatLatestHint({ 'image.name': 'docker.io/library/a:v1' }), '');
  assert.equal(formatLatestHint({}), '');
});
