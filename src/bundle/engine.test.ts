import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Code, K3cError } from '../api/errors.ts';
import { engineParts } from './assets.ts';
import { type EngineSource, unpackEngine, unpackFrom } from './engine.ts';
import { childHelperPath, isPackaged, loadSqliteAddon, payloadDigest } from './program.ts';

const never = new AbortController().signal;

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'k3c-engine-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

function source(contents: Readonly<Record<string, string>>, digest = 'a'.repeat(32)): EngineSource {
  const files = Object.entries(contents).map(([name, text]) => ({
    name,
    size: text.length,
    sha256: createHash('sha256').update(text).digest('hex'),
  }));
  return { list: { digest, files }, read: (name) => new TextEncoder().encode(contents[name]).buffer };
}

const engine = source({ containerd: 'one', runc: 'two!' });

test('the engine is unpacked once, executable and for its owner alone to write', async (t) => {
  const root = await directory(t);
  const { path, directory: bin } = await unpackFrom(engine, root, never);
  assert.equal(bin, join(root, 'engine', 'a'.repeat(32), 'bin'));
  assert.equal(await readFile(path('runc'), 'utf8'), 'two!');
  const { mode, ino } = await stat(path('runc'));
  assert.equal(mode & 0o777, 0o755);
  await unpackFrom(engine, root, never);
  assert.equal((await stat(path('runc'))).ino, ino);
});

test('any number may unpack at once', async (t) => {
  const root = await directory(t);
  const all = await Promise.all(Array.from({ length: 10 }, () => unpackFrom(engine, root, never)));
  for (const { path } of all) assert.equal(await readFile(path('containerd'), 'utf8'), 'one');
  assert.deepEqual(await readdir(join(root, 'engine')), ['a'.repeat(32)]);
});

test('a tree that lost something, or that others may write to, is made anew', async (t) => {
  const root = await directory(t);
  const { path } = await unpackFrom(engine, root, never);
  await truncate(path('runc'), 1);
  await unpackFrom(engine, root, never);
  assert.equal(await readFile(path('runc'), 'utf8'), 'two!');
  await rm(path('containerd'));
  await unpackFrom(engine, root, never);
  assert.ok(existsSync(path('containerd')));
  const { ino } = await stat(path('runc'));
  await chmod(path('runc'), 0o775);
  await unpackFrom(engine, root, never);
  assert.notEqual((await stat(path('runc'))).ino, ino);
});

test('a damaged asset is refused and nothing of it stays', async (t) => {
  const root = await directory(t);
  const damaged = { ...engine, read: () => new TextEncoder().encode('two?').buffer };
  await assert.rejects(unpackFrom(damaged, root, never), (error) => {
    assert.ok(error instanceof K3cError);
    assert.equal(error.code, Code.DATA_LOSS);
    assert.match(error.message, /the engine's containerd/);
    return true;
  });
  assert.deepEqual(await readdir(join(root, 'engine')), []);
});

test('an aborted unpacking stays nowhere', async (t) => {
  const root = await directory(t);
  await assert.rejects(unpackFrom(engine, root, AbortSignal.abort()), { name: 'AbortError' });
  assert.deepEqual(await readdir(join(root, 'engine')), []);
});

test('old trees go, but not the newest, nor one that a process runs from', async (t) => {
  const root = await directory(t);
  const base = join(root, 'engine');
  const old = ['1', '2', '3'].map((digit) => digit.repeat(32));
  for (const [i, name] of old.entries()) {
    await mkdir(join(base, name), { recursive: true });
    await utimes(join(base, name), 1000 + i, 1000 + i);
  }
  const program = join(base, '1'.repeat(32), 'sleep');
  await copyFile('/bin/sleep', program);
  const running = spawn(program, ['60'], { stdio: 'ignore' });
  t.after(() => running.kill());
  await once(running, 'spawn');
  await utimes(join(base, '1'.repeat(32)), 1000, 1000);
  // What a killed unpacker left, and one that is still at work (this process).
  await mkdir(join(base, '.tmp-4194304-x'));
  await mkdir(join(base, `.tmp-${process.pid}-y`));
  await writeFile(join(base, 'note'), '');
  await unpackFrom(engine, root, never);
  assert.deepEqual(
    (await readdir(base)).sort(),
    [`.tmp-${process.pid}-y`, '1'.repeat(32), '3'.repeat(32), 'a'.repeat(32), 'note'].sort(),
  );
});

test('from sources everything is where it was built', async () => {
  assert.equal(isPackaged(), false);
  assert.equal(payloadDigest(), undefined);
  assert.match(childHelperPath(), /dist\/launcher\/k3c-child$/);
  assert.match((await unpackEngine('/nonexistent', never)).path('runc'), /vendor-bin\/bin\/runc$/);
  assert.equal(engineParts()['runc']?.license, 'Apache-2.0');
  assert.ok('Database' in loadSqliteAddon());
});
