import assert from 'node:assert/strict';
import { lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { openFifoReader } from '../../../host/fifo.ts';
import { mkfifo } from '../../../host/libc.ts';
import { pathSink } from './sinks.ts';

async function place(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'k3c-sinks-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

test('a file is there when it is whole, and the old one until then', async (t) => {
  const directory = await place(t);
  const path = join(directory, 'a.tar');
  await writeFile(path, 'old');
  await symlink('a.tar', join(directory, 'link'));
  const failed = await pathSink(path);
  await failed.write(Buffer.from('half'));
  await failed.abort();
  assert.equal(await readFile(path, 'utf8'), 'old');
  const sink = await pathSink(join(directory, 'link'));
  await sink.write(Buffer.from('new'));
  assert.equal(await readFile(path, 'utf8'), 'old');
  await sink.commit();
  assert.equal(await readFile(path, 'utf8'), 'new');
  assert.ok((await lstat(join(directory, 'link'))).isSymbolicLink());
  assert.deepEqual((await readdir(directory)).sort(), ['a.tar', 'link']);
});

test('a FIFO stays one: its reader gets the archive', async (t) => {
  const directory = await place(t);
  const path = join(directory, 'fifo');
  mkfifo(path, 0o600);
  const reader = openFifoReader(path);
  const read = buffer(reader);
  const sink = await pathSink(path);
  await sink.write(Buffer.from('all of it'));
  await sink.commit();
  assert.equal((await read).toString(), 'all of it');
  assert.ok((await lstat(path)).isFIFO());
});

test('what cannot be written is named, with the reason in words', async (t) => {
  const directory = await place(t);
  await assert.rejects(
    pathSink(join(directory, 'no/such')),
    /^K3cError: cannot write \S+no\/such: no such file or directory$/,
  );
  const full = await pathSink('/dev/full');
  await assert.rejects(full.write(Buffer.from('x')), /cannot write \/dev\/full: no space left on device$/);
  await full.abort();
});
