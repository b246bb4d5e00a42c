import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { XattrFiles } from './xattr.ts';

// Where the sources lie: not every /tmp takes attributes.
const root = mkdtempSync(join(import.meta.dirname, '../../dist/k3c-xattr-é-'));
after(() => rmSync(root, { recursive: true, force: true }));
const files = new XattrFiles(root);

test('attributes are read as they were set, whatever the bytes of names and values', () => {
  const path = Buffer.from('dir/ü').toString('latin1');
  mkdirSync(join(root, 'dir'));
  writeFileSync(join(root, 'dir/ü'), '');
  assert.equal(files.read(path), undefined);
  assert.ok(files.set(path, 'user.one', Buffer.from([0, 255, 1])));
  assert.ok(files.set(path, 'user.empty', Buffer.alloc(0)));
  assert.ok(files.set('dir', 'user.two', Buffer.from('of a directory')));
  assert.deepEqual([...(files.read(path) ?? [])].sort(), [
    ['user.empty', Buffer.alloc(0)],
    ['user.one', Buffer.from([0, 255, 1])],
  ]);
  assert.deepEqual([...(files.read('dir') ?? [])], [['user.two', Buffer.from('of a directory')]]);
});

test('a link is not followed; what is not there is ENOENT; what cannot be set is told', () => {
  writeFileSync(join(root, 'target'), '');
  assert.ok(files.set('target', 'user.x', Buffer.from('1')));
  symlinkSync('target', join(root, 'link'));
  assert.equal(files.read('link'), undefined);
  assert.throws(() => files.read('none'), { code: 'ENOENT' });
  assert.equal(files.set('link', 'user.x', Buffer.from('1')), false);
  assert.ok(files.set('target', `user.${'long'.repeat(20)}`, Buffer.alloc(300)));
});

test('paths may be long', () => {
  const deep = Array.from({ length: 17 }, () => 'd'.repeat(230)).join('/');
  assert.throws(() => files.read(`${deep}/${'d'.repeat(230)}`), { code: /ENOENT|ENAMETOOLONG/ });
});
