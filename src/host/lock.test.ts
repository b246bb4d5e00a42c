import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockFile, lockName } from './lock.ts';

test('a lock names its holder, and is free again after release and after a kill', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'k3c-lock-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'lock');
  const lock = lockFile(path);
  assert.ok('release' in lock);
  assert.deepEqual(lockFile(path), { heldBy: String(process.pid) });
  lock.release();

  const module = join(import.meta.dirname, 'lock.ts');
  const script = `import { lockFile } from ${JSON.stringify(module)}; console.log(Object.keys(lockFile(${JSON.stringify(path)})).join()); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = await once(holder.stdout, 'data');
  assert.equal(String(line).trim(), 'release');
  assert.deepEqual(lockFile(path), { heldBy: String(holder.pid) });
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const again = lockFile(path);
  assert.ok('release' in again);
  again.release();
});

test('a name is taken once, and free again after release', async () => {
  const name = `k3c/test/${process.pid}`;
  const lock = await lockName(name);
  assert.ok(lock !== undefined);
  assert.equal(await lockName(name), undefined);
  lock.release();
  const again = await lockName(name);
  assert.ok(again !== undefined);
  again.release();
});
