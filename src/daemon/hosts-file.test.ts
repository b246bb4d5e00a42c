import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Code } from '../api/errors.ts';
import { silentLog } from '../host/log.ts';
import { ensureHostsFile } from './hosts-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'k3c-hosts-'));
after(() => rmSync(directory, { recursive: true, force: true }));

test('is written where there is none, and the directory too; the second time it is left alone', async () => {
  const path = join(directory, 'etc/hosts');
  const said: string[] = [];
  const log = { ...silentLog, info: (_: object, message: string) => said.push(message) };
  await ensureHostsFile(log, path);
  assert.match(readFileSync(path, 'utf8'), /^127\.0\.0\.1\tlocalhost\n/);
  writeFileSync(path, 'mine\n');
  await ensureHostsFile(log, path);
  assert.equal(readFileSync(path, 'utf8'), 'mine\n');
  assert.deepEqual(said, [`wrote ${path}: this host had none, and every container needs one`]);
});

test('says what to do where it cannot be written, or leads nowhere', async () => {
  mkdirSync(join(directory, 'lost'));
  writeFileSync(join(directory, 'lost/file'), '');
  symlinkSync('/nowhere/at/all', join(directory, 'dangling'));
  const unusable: [path: string, code: string][] = [
    [join(directory, 'lost/file/hosts'), 'ENOTDIR'],
    [join(directory, 'dangling'), 'EEXIST'],
  ];
  for (const [path, code] of unusable)
    await assert.rejects(ensureHostsFile(silentLog, path), {
      code: Code.FAILED_PRECONDITION,
      message: `${path} cannot be used (${code}), and no container can do without`,
    });
});
