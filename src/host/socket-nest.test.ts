import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NEST_LENGTH, withNest } from './socket-nest.ts';

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'k3c-nest-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

test('a nest is private, of a known length, and gone at the end, whatever happens in it', async (t) => {
  const directory = place(t);
  const mode = await withNest(directory, async (bound) => {
    assert.equal(bound.length, directory.length + NEST_LENGTH);
    await writeFile(bound, '');
    return (await stat(dirname(bound))).mode & 0o777;
  });
  assert.equal(mode, 0o700);
  await assert.rejects(
    withNest(directory, () => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.deepEqual(await readdir(directory), []);
  await assert.rejects(
    withNest(join(directory, 'x'), async () => undefined),
    { code: 'ENOENT' },
  );
});

test('those that a killed process left go with the next one, full or empty; one in use stays', async (t) => {
  const directory = place(t);
  const module = JSON.stringify(join(import.meta.dirname, 'socket-nest.ts'));
  const script = `import { withNest } from ${module}; import { createServer } from 'node:net'; setInterval(() => {}, 1000);
    withNest(${JSON.stringify(directory)}, (bound) => new Promise(() => createServer().listen(bound, () => console.log('bound'))));`;
  const start = async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    return child;
  };
  const killed = await start();
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  await mkdir(join(directory, '.k3c000'), { mode: 0o700 });
  const living = await start();
  t.after(() => living.kill('SIGKILL'));
  const left = await readdir(directory);
  assert.equal(left.length, 1, left.join());
  const server = createServer();
  await withNest(directory, (bound) => new Promise<void>((resolve) => server.listen(bound, resolve)));
  server.close();
  assert.deepEqual(await readdir(directory), left, 'what another process works in');
});

test('what is not ours stays: other names, files in there, other modes, and what is no directory', async (t) => {
  const directory = place(t);
  await mkdir(join(directory, '.abcdef'), { mode: 0o700 });
  await mkdir(join(directory, '.k3c001'), { mode: 0o755 });
  await mkdir(join(directory, '.k3c002'), { mode: 0o700 });
  await writeFile(join(directory, '.k3c002/file'), 'precious');
  await writeFile(join(directory, '.k3c003'), 'a file');
  await mkdir(join(directory, '.k3c004/s/deep'), { recursive: true, mode: 0o700 });
  const before = await readdir(directory);
  await withNest(directory, async () => undefined);
  assert.deepEqual(await readdir(directory), before);
});

test('many at once do not get in each other’s way', async (t) => {
  const directory = place(t);
  const paths = await Promise.all(Array.from({ length: 40 }, () => withNest(directory, async (bound) => bound)));
  assert.equal(new Set(paths).size, 40);
  assert.deepEqual(await readdir(directory), []);
});
