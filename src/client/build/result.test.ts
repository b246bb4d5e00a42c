import assert from 'node:assert/strict';
import { lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mkfifo } from '../../host/libc.ts';
import { removeIdFile } from './result.ts';

test('an id of an earlier build goes; what is no file stays', async (t) => {
  const base = mkdtempSync(join(tmpdir(), 'k3c-result-'));
  t.after(() => rmSync(base, { recursive: true }));
  writeFileSync(join(base, 'id'), 'old');
  mkfifo(join(base, 'fifo'), 0o600);
  for (const name of ['id', 'fifo', 'none', 'id/none']) await removeIdFile(join(base, name));
  assert.equal(lstatSync(join(base, 'id'), { throwIfNoEntry: false }), undefined);
  assert.ok(lstatSync(join(base, 'fifo')).isFIFO());
});
