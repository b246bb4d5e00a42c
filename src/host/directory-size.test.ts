import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../test/support/binary.ts';
import { directorySize } from './directory-size.ts';

test('as du counts: blocks, links once, holes not at all', async (t) => {
  const root = temporaryDirectory(t);
  await mkdir(join(root, 'a/b'), { recursive: true });
  await writeFile(join(root, 'a/file'), Buffer.alloc(100_000, 1));
  await link(join(root, 'a/file'), join(root, 'a/b/again'));
  await symlink('/usr', join(root, 'link'));
  execFileSync('truncate', ['-s', '10M', join(root, 'hole')]);
  const du = Number.parseInt(execFileSync('du', ['-sk', root]).toString(), 10) * 1024;
  assert.equal(await directorySize(root), du);
});

test('nothing there is nothing', async () => {
  assert.equal(await directorySize('/no/such/directory'), 0);
});
