import assert from 'node:assert/strict';
import { test } from 'node:test';
import { K3cError } from './errors.ts';
import {
  familiar,
  formatReference,
  imageIdDigits,
  isDigest,
  isImageId,
  normalize,
  parseReference,
} from './reference.ts';

const hex = 'b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c';
const digest = `sha256:${hex}`;

const names: readonly [written: string, stored: string, shown: string][] = [
  ['busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
  ['library/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['docker.io/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['index.docker.io/busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['rancher/k3s:v1', 'docker.io/rancher/k3s:v1', 'rancher/k3s:v1'],
  ['library/a/b', 'docker.io/library/a/b:latest', 'library/a/b:latest'],
  ['localhost/x', 'localhost/x:latest', 'localhost/x:latest'],
  ['localhost:5000/x', 'localhost:5000/x:latest', 'localhost:5000/x:latest'],
  ['localhost:5000', 'docker.io/library/localhost:5000', 'localhost:5000'],
  ['127.0.0.1:5000/a/b:t', '127.0.0.1:5000/a/b:t', '127.0.0.1:5000/a/b:t'],
  ['[::1]:5000/a', '[::1]:5000/a:latest', '[::1]:5000/a:latest'],
  ['Example.com/a', 'Example.com/a:latest', 'Example.com/a:latest'],
  ['HOST/a', 'HOST/a:latest', 'HOST/a:latest'],
  ['gcr.io/a_b/c__d/e---f:G.h-1_', 'gcr.io/a_b/c__d/e---f:G.h-1_', 'gcr.io/a_b/c__d/e---f:G.h-1_'],
  [`busybox@${digest}`, `docker.io/library/busybox@${digest}`, `busybox@${digest}`],
  [`busybox:1@${digest}`, `docker.io/library/busybox@${digest}`, `busybox@${digest}`],
  ['cafe', 'docker.io/library/cafe:latest', 'cafe:latest'],
];

for (const [written, stored, shown] of names) {
  test(`${written} is stored as ${stored} and shown as ${shown}`, () => {
    assert.equal(normalize(written), stored);
    assert.equal(familiar(stored), shown);
    assert.equal(normalize(stored), stored);
  });
}

const refused: readonly [written: string, message: string | RegExp][] = [
  ['', 'invalid reference format'],
  ['a b', 'invalid reference format'],
  ['-a', 'invalid reference format'],
  ['a/', 'invalid reference format'],
  ['/a', 'invalid reference format'],
  ['a//b', 'invalid reference format'],
  ['a___b', 'invalid reference format'],
  ['a..b', 'invalid reference format'],
  ['a:', 'invalid reference format'],
  ['a:-t', 'invalid reference format'],
  ['a:t:u', 'invalid reference format'],
  [`a:${'t'.repeat(129)}`, 'invalid reference format'],
  ['a@sha256:12', 'invalid reference format'],
  ['a@', 'invalid reference format'],
  [`a@${digest}@${digest}`, 'invalid reference format'],
  [`a@sha256:${hex.slice(1)}`, /^invalid checksum digest/],
  [`a@${digest.toUpperCase()}`, /^invalid checksum digest/],
  ['https://gcr.io/a', 'invalid reference format'],
  ['exa_mple.com/a', 'invalid reference format'],
  ['Busybox', 'invalid reference format: repository name (library/Busybox) must be lowercase'],
  ['gcr.io/A/b:t', 'invalid reference format: repository name (A/b) must be lowercase'],
  [`gcr.io/${'a'.repeat(256)}`, 'repository name must not be more than 255 characters'],
  [hex, `invalid repository name (${hex}), cannot specify 64-byte hexadecimal strings`],
];

for (const [written, message] of refused) {
  test(`${JSON.stringify(written).slice(0, 60)} is refused`, () => {
    assert.throws(
      () => parseReference(written),
      (error) => {
        assert.ok(error instanceof K3cError);
        assert.equal(error.reason, 'bad-input');
        if (typeof message === 'string') assert.equal(error.message, message);
        else assert.match(error.message, message);
        return true;
      },
    );
  });
}

test('a reference keeps exactly what was written', () => {
  assert.equal(formatReference(parseReference('busybox')), 'docker.io/library/busybox');
  assert.equal(formatReference(parseReference(`busybox:1@${digest}`)), `docker.io/library/busybox:1@${digest}`);
});

test('ids are told from references', () => {
  assert.equal(imageIdDigits(digest), hex);
  assert.equal(imageIdDigits('sha256:b5b'), 'b5b');
  assert.equal(imageIdDigits('cafe'), 'cafe');
  assert.equal(imageIdDigits('busybox'), undefined);
  assert.equal(imageIdDigits(`${hex}0`), undefined);
  assert.equal(isImageId('sha256:b5b'), true);
  assert.equal(isImageId(hex), true);
  assert.equal(isImageId('cafe'), false);
  assert.equal(isDigest(digest), true);
  assert.equal(isDigest('sha256:b5b'), false);
});

test('a record with a name that is no reference is shown as it is', () => {
  assert.equal(familiar('import-2026@!'), 'import-2026@!');
});
