import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerdGate } from './containerd-gate.ts';

const START = '/k3c.v1.Containers/Start';
const never = new Promise<void>(() => undefined);

function gate(
  isConnected: boolean,
  returning: Promise<void> | undefined,
  patienceMs?: number,
  connected = Promise.resolve(),
) {
  const containerd = { isConnected: () => isConnected, connected: () => connected };
  return containerdGate({ containerd, returning: () => returning, ...(patienceMs !== undefined && { patienceMs }) });
}

/** Whether a call is begun before anything else happens. */
async function begins(waiting: Promise<void> | undefined): Promise<boolean> {
  let waits = waiting !== undefined;
  waiting?.then(() => {
    waits = false;
  });
  await new Promise(setImmediate);
  return !waits;
}

test('nothing waits while containerd is there, nor what it is not needed for', () => {
  assert.equal(gate(true, undefined)(START), undefined);
  const away = gate(false, never);
  for (const path of ['System/Ping', 'Containers/List', 'Containers/Logs', 'Networks/Create', 'Volumes/List'])
    assert.equal(away(`/k3c.v1.${path}`), undefined, path);
});

test('the others wait for the connection, and then until what depends on containerd has recovered', async () => {
  const connection = Promise.withResolvers<void>();
  const back = Promise.withResolvers<void>();
  const waiting = gate(false, back.promise, undefined, connection.promise)(START);
  assert.equal(await begins(waiting), false);
  connection.resolve();
  assert.equal(await begins(waiting), false);
  back.resolve();
  await waiting;
});

test('a connection that was closed in a quiet hour is no absence', async () => {
  assert.equal(await begins(gate(false, undefined)(START)), true);
});

test('nobody waits for ever', async () => {
  await gate(true, never, 1)(START);
});
