import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { endLostShims } from './lost-shims.ts';

test('a shim that nobody can reach is ended, and its socket goes; others stay', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'k3c-shims-'));
  const children: ChildProcess[] = [];
  t.after(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rm(directory, { recursive: true });
  });
  const places = {
    containerdState: join(directory, 'c'),
    containerdSocket: join(directory, 'c.sock'),
    socketDirectory: join(directory, 's'),
  };
  assert.equal(await endLostShims(places), 0);

  // A shell under a shim's name: the words behind it are what counts.
  const program = join(directory, 'containerd-shim-runc-v2');
  const shim = async (id: string, address: string) => {
    const child = spawn('/bin/sh', ['-c', 'read line', '-namespace', 'k8s.io', '-id', id, '-address', address], {
      argv0: program,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    children.push(child);
    await once(child, 'spawn');
    return child;
  };
  const bundles = join(places.containerdState, 'io.containerd.runtime.v2.task/k8s.io');
  await mkdir(join(bundles, 'kept'), { recursive: true });
  await mkdir(join(bundles, 'early'));
  await writeFile(join(bundles, 'kept/bootstrap.json'), '{}');
  const kept = await shim('kept', places.containerdSocket);
  const early = await shim('early', places.containerdSocket);
  const lost = await shim('lost', places.containerdSocket);
  const foreign = await shim('lost', '/run/other.sock');

  await mkdir(places.socketDirectory);
  const dead = join(places.socketDirectory, 'dead');
  const holder = spawn(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(dead)}, () => process.kill(process.pid, 'SIGKILL'))`,
  ]);
  await once(holder, 'exit');
  const live = join(places.socketDirectory, 'live');
  const server = createServer((socket) => socket.destroy()).listen(live);
  t.after(() => server.close());
  await once(server, 'listening');
  await access(dead);

  const ends = [early, lost].map((child) => once(child, 'exit'));
  assert.equal(await endLostShims(places), 2);
  await Promise.all(ends);
  for (const child of [kept, foreign]) assert.equal(child.exitCode ?? child.signalCode, null);
  await assert.rejects(access(dead), { code: 'ENOENT' });
  await access(live);
});
