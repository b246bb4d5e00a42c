import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { GoMode } from '../context/stat.ts';
import { TreeWriter } from './tree-writer.ts';

const base = mkdtempSync(join(tmpdir(), 'k3c-tree-'));
after(() => rmSync(base, { recursive: true, force: true }));

test('modes and times are set as sent, also where the directory may not be written', () => {
  const root = join(base, 'a');
  const tree = new TreeWriter(root);
  tree.directory('d', GoMode.dir + 0o555, 1_000_000_000_000_000_000n);
  tree.open(1, 'd/f', 0o640 + GoMode.setuid, 2_000_000_000_000_000_000n);
  tree.hardLink('d/h', 'd/f');
  tree.symlink('d/s', '../../outside', -1_500_000_000n);
  tree.write(1, Buffer.from('one '));
  tree.write(1, Buffer.from('two'));
  tree.close(1);
  tree.finish();
  assert.equal(readFileSync(join(root, 'd/h'), 'utf8'), 'one two');
  assert.equal(statSync(join(root, 'd/f')).mode & 0o7777, 0o4640);
  assert.equal(statSync(join(root, 'd/f')).mtimeMs, 2e12);
  assert.equal(lstatSync(join(root, 'd/s')).mtimeMs, -1500);
  assert.deepEqual([statSync(join(root, 'd')).mode & 0o777, statSync(join(root, 'd')).mtimeMs], [0o555, 1e12]);
});

test('nothing is written outside, whatever is sent and whatever is there', () => {
  const root = join(base, 'b');
  const outside = join(base, 'outside');
  mkdirSync(root);
  mkdirSync(outside);
  writeFileSync(join(outside, 'f'), 'untouched');
  symlinkSync(outside, join(root, 'd'));
  symlinkSync(join(outside, 'f'), join(root, 'f'));
  const tree = new TreeWriter(root);
  for (const path of ['../x', '/x', 'd/../../x', 'a/../x', '..', '', 'd/unsent']) {
    assert.throws(() => tree.open(1, path, 0o644, 0n), /the builder sent/, path);
  }
  tree.directory('d', GoMode.dir + 0o755, 0n);
  assert.ok(lstatSync(join(root, 'd')).isDirectory());
  tree.open(2, 'f', 0o644, 0n);
  tree.write(2, Buffer.from('new'));
  tree.close(2);
  assert.throws(() => tree.hardLink('d/l', '../outside/f'), /unknown path/);
  tree.finish();
  assert.equal(readFileSync(join(outside, 'f'), 'utf8'), 'untouched');
  assert.ok(!existsSync(join(base, 'x')));
});
