import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { copyTree } from './copy-tree.ts';

const base = mkdtempSync(join(tmpdir(), 'k3c-copy-'));
after(() => rmSync(base, { recursive: true }));
const asRoot = process.getuid?.() === 0;

test('files, links, modes, times and owners arrive as they were', async () => {
  const [from, to] = [join(base, 'from'), join(base, 'to')];
  mkdirSync(join(from, 'sub'), { recursive: true });
  mkdirSync(to);
  writeFileSync(join(from, 'sub/run'), '#!/bin/sh\n');
  chmodSync(join(from, 'sub/run'), 0o4755);
  symlinkSync('../nowhere', join(from, 'link'));
  if (asRoot) {
    chownSync(join(from, 'sub/run'), 7, 8);
    chmodSync(join(from, 'sub/run'), 0o4755);
    chownSync(from, 5, 6);
  }
  chmodSync(from, 0o1777);
  utimesSync(join(from, 'sub'), 1000, 2000);
  await copyTree(from, to);
  assert.equal(readFileSync(join(to, 'sub/run'), 'utf8'), '#!/bin/sh\n');
  assert.equal(lstatSync(join(to, 'sub/run')).mode & 0o7777, 0o4755);
  assert.equal(readlinkSync(join(to, 'link')), '../nowhere');
  assert.equal(lstatSync(join(to, 'sub')).mtimeMs, 2_000_000);
  assert.equal(lstatSync(to).mode & 0o7777, 0o1777);
  if (!asRoot) return;
  assert.deepEqual([lstatSync(join(to, 'sub/run')).uid, lstatSync(join(to, 'sub/run')).gid], [7, 8]);
  assert.deepEqual([lstatSync(to).uid, lstatSync(to).gid], [5, 6]);
});

test('nothing is copied from a file or from what is not there', async () => {
  const to = join(base, 'untouched');
  mkdirSync(to);
  writeFileSync(join(base, 'file'), 'x');
  const before = lstatSync(to).mtimeMs;
  await copyTree(join(base, 'file'), to);
  await copyTree(join(base, 'nosuch/deeper'), to);
  assert.equal(lstatSync(to).mtimeMs, before);
});
