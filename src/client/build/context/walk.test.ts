import assert from 'node:assert/strict';
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { followLinks } from './follow-links.ts';
import { GoMode } from './stat.ts';
import { type Selection, walkContext } from './walk.ts';

const root = mkdtempSync(join(tmpdir(), 'k3c-walk-'));
after(() => rmSync(root, { recursive: true, force: true }));

for (const path of ['a/x', 'a/y/z', 'a.b', 'a-b', 'node_modules/m/i.js', 'src/main.go', 'src/lib/l.go']) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), path);
}
writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff])]), '');
symlinkSync('../a/y', join(root, 'src/link'));
symlinkSync('/src/link/../x', join(root, 'abs'));
linkSync(join(root, 'a/x'), join(root, 'src/hard'));
chmodSync(join(root, 'a/x'), 0o6751);
// As a date: node takes a negative number for now.
utimesSync(join(root, 'a.b'), new Date(-1000), new Date(-1000));

const paths = (selection: Selection) => [...walkContext(root, selection)].map(({ path }) => path);

test('everything comes in the order of bytes, parents before children', () => {
  assert.deepEqual(paths({}), [
    'a',
    'a/x',
    'a/y',
    'a/y/z',
    'a-b',
    'a.b',
    'abs',
    'node_modules',
    'node_modules/m',
    'node_modules/m/i.js',
    'src',
    'src/hard',
    'src/lib',
    'src/lib/l.go',
    'src/link',
    'src/main.go',
    '\xff',
  ]);
});

test('modes are those of Go, hard links name the first path and keep the size, times may lie before 1970', () => {
  const stats = new Map([...walkContext(root, {})].map((stat) => [stat.path, stat] as const));
  assert.equal(stats.get('a/x')?.mode, 0o751 + GoMode.setuid + GoMode.setgid);
  assert.deepEqual([stats.get('src/hard')?.linkname, stats.get('src/hard')?.size], ['a/x', 3]);
  assert.deepEqual([stats.get('src/link')?.linkname, stats.get('a')?.size], ['../a/y', 0]);
  assert.equal(stats.get('a.b')?.modTime, -1_000_000_000n);
  const alone = [...walkContext(root, { include: ['src/hard'] })];
  assert.deepEqual(
    alone.map(({ path, linkname }) => [path, linkname]),
    [
      ['src', ''],
      ['src/hard', ''],
    ],
  );
});

test('excluded directories are not read unless an exception may lie in them', () => {
  assert.deepEqual(paths({ exclude: ['*', '!a', 'a/x', '!src/lib'] }), [
    'a',
    'a/y',
    'a/y/z',
    'src',
    'src/lib',
    'src/lib/l.go',
  ]);
  chmodSync(join(root, 'node_modules'), 0);
  assert.deepEqual(paths({ exclude: ['**', '!a/x'] }), ['a', 'a/x']);
  chmodSync(join(root, 'node_modules'), 0o755);
});

test('follow paths bring what links point to', () => {
  assert.deepEqual(followLinks(root, ['src/link/z']), ['a/y/z', 'src/link']);
  assert.deepEqual(followLinks(root, ['src/l*']), ['a/y', 'src/l*']);
  assert.deepEqual(followLinks(root, ['src', 'src/lib']), ['src']);
  assert.equal(followLinks(root, ['a', '.']), undefined);
  assert.deepEqual(paths({ followPaths: ['src/link'], exclude: ['**/z'] }), ['a', 'a/y', 'src', 'src/link']);
});
