import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { isHeldBy } from './loopback-peer.ts';

test('the process at the other end is told from others', async (t) => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const accepted = async () => ((await once(server, 'connection')) as [Socket])[0];

  const first = accepted();
  const own = connect(port, '127.0.0.1');
  t.after(() => own.destroy());
  const ours = await first;
  assert.equal(await isHeldBy(ours, [process.pid]), true);
  assert.equal(await isHeldBy(ours, [1, process.ppid]), false);
  assert.equal(await isHeldBy(ours, []), false);
  own.destroy();
  await once(ours.resume(), 'close');
  assert.equal(await isHeldBy(ours, [process.pid]), false);

  const second = accepted();
  const child = spawn(process.execPath, ['-e', `require('node:net').connect(${port}, '127.0.0.1')`], {
    stdio: 'ignore',
  });
  t.after(() => child.kill('SIGKILL'));
  const theirs = await second;
  t.after(() => theirs.destroy());
  assert.equal(await isHeldBy(theirs, [process.pid]), false);
  assert.equal(await isHeldBy(theirs, [child.pid ?? 0]), true);
  // A process that has gone, with a number that nobody can have.
  assert.equal(await isHeldBy(theirs, [2 ** 30, child.pid ?? 0]), true);
});
