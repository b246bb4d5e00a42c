import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { mkfifo } from '../../../host/libc.ts';
import { openFileInRoot } from './open-in-root.ts';

const base = mkdtempSync(join(tmpdir(), 'k3c-open-'));
after(() => rmSync(base, { recursive: true }));

async function readIn(root: string, path: string): Promise<string | undefined> {
  await using file = await openFileInRoot(root, path);
  return file?.readFile('utf8');
}

test('links are followed inside the root only, and nothing stays open', async () => {
  const root = join(base, 'root');
  mkdirSync(join(root, 'etc/deep'), { recursive: true });
  writeFileSync(join(base, 'outside'), 'of the host');
  writeFileSync(join(root, 'etc/passwd'), 'own');
  symlinkSync('/etc', join(root, 'absolute'));
  symlinkSync('../../../etc/passwd', join(root, 'etc/deep/up'));
  symlinkSync('../outside', join(root, 'out'));
  symlinkSync(join(base, 'outside'), join(root, 'away'));
  symlinkSync('loop', join(root, 'loop'));
  mkfifo(join(root, 'fifo'), 0o600);
  const before = readdirSync('/proc/self/fd').length;
  assert.equal(await readIn(root, '/absolute/passwd'), 'own');
  assert.equal(await readIn(root, 'absolute/deep/up'), 'own');
  assert.equal(await readIn(root, '/../../etc/deep/.././passwd'), 'own');
  assert.equal(await readIn(root, 'fifo'), undefined);
  assert.equal(await readIn(root, 'etc'), undefined);
  for (const path of ['out', 'away', 'nosuch/x', '../outside'])
    await assert.rejects(readIn(root, path), { code: 'ENOENT' });
  await assert.rejects(readIn(root, 'etc/passwd/x'), { code: 'ENOTDIR' });
  await assert.rejects(readIn(root, 'loop/x'), { code: 'ELOOP' });
  assert.equal(readdirSync('/proc/self/fd').length, before);
});

test('a directory that is swapped for a link on the way does not lead out', async () => {
  const [root, host] = [join(base, 'swapped'), join(base, 'host')];
  for (const directory of [join(root, 'etc'), host]) mkdirSync(directory, { recursive: true });
  writeFileSync(join(root, 'etc/passwd'), 'own');
  writeFileSync(join(host, 'passwd'), 'of the host');
  const [etc, aside] = [join(root, 'etc'), join(root, 'aside')];
  for (let round = 0; round < 300; round++) {
    const found = readIn(root, '/etc/passwd').catch((error: NodeJS.ErrnoException) => {
      // While it was the link, which leads nowhere in this root; or swapped back before it was read.
      assert.match(error.code ?? '', /^(ENOENT|EINVAL)$/);
      return 'own';
    });
    for (let turn = 0; turn < round % 7; turn++) await new Promise(setImmediate);
    renameSync(etc, aside);
    symlinkSync(host, etc);
    await new Promise(setImmediate);
    unlinkSync(etc);
    renameSync(aside, etc);
    assert.equal(await found, 'own');
  }
});
