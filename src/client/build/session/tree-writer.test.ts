import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { XattrFiles } from '../../../host/xattr.ts';
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

test('FIFOs, devices and extended attributes are made where this user and the file system may', () => {
  // Where the sources lie: not every /tmp takes attributes.
  const root = mkdtempSync(join(import.meta.dirname, '../../../../dist/k3c-tree-'));
  try {
    const tree = new TreeWriter(root);
    tree.directory('d', GoMode.dir + 0o755, 0n, new Map([['user.d', Buffer.from('1')]]));
    tree.open(
      1,
      'd/f',
      0o444,
      0n,
      new Map([
        ['user.f', Buffer.from([0])],
        ['trusted.overlay.opaque', Buffer.from('y')],
      ]),
    );
    tree.write(1, Buffer.from('x'));
    tree.close(1);
    tree.special('d/fifo', GoMode.fifo + 0o640, 3_000_000_000_000_000_000n, 0, 0);
    assert.ok(lstatSync(join(root, 'd/fifo')).isFIFO());
    assert.equal(lstatSync(join(root, 'd/fifo')).mode & 0o777, 0o640);
    assert.equal(lstatSync(join(root, 'd/fifo')).mtimeMs, 3e12);
    if (process.getuid?.() === 0) {
      tree.special('d/null', GoMode.device + GoMode.charDevice + 0o666, 0n, 1, 259);
      const stats = lstatSync(join(root, 'd/null'));
      assert.ok(stats.isCharacterDevice());
      assert.equal(stats.rdev, (1 << 8) | (259 & 0xff) | ((259 & ~0xff) << 12));
    }
    tree.finish();
    const files = new XattrFiles(root);
    assert.deepEqual([...(files.read('d') ?? [])], [['user.d', Buffer.from('1')]]);
    assert.deepEqual([...(files.read('d/f') ?? [])], [['user.f', Buffer.from([0])]]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('a mirror keeps what was sent and nothing else', async () => {
  const root = join(base, 'mirror');
  mkdirSync(join(root, 'd/old'), { recursive: true });
  mkdirSync(join(root, 'gone/deep'), { recursive: true });
  for (const name of ['d/old/f', 'd/stale', 'gone/deep/f', 'f']) writeFileSync(join(root, name), 'before');
  writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff])]), '');
  symlinkSync(base, join(root, 'out'));
  const tree = new TreeWriter(root);
  tree.directory('d', GoMode.dir + 0o555, 0n);
  tree.open(1, 'd/f', 0o644, 0n);
  tree.close(1);
  tree.hardLink('d/h', 'd/f');
  tree.symlink('s', 'd', 0n);
  await tree.removeOthers();
  tree.finish();
  assert.deepEqual(readdirSync(root).sort(), ['d', 's']);
  assert.deepEqual(readdirSync(join(root, 'd')).sort(), ['f', 'h']);
  assert.ok(existsSync(base));
});
