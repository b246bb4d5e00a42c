/** Health checks on a real containerd: what a probe leaves behind. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode } from '../../src/api/errors.ts';
import { type Daemon, type Rig, specOf, startRig } from '../support/container-rig.ts';

let rig: Rig;
let daemon: Daemon;
before(async () => {
  rig = await startRig({ name: 'k3chlt', subnet: '10.78.3.0/24' });
  daemon = await rig.boot();
});
after(async () => {
  await daemon?.close();
  await rig?.stop();
});

const check = { test: ['CMD-SHELL', 'true'], interval: 50e6, timeout: 0, startPeriod: 0, startInterval: 0, retries: 0 };

/** Starts a container with a check and collects the ids of its probes. */
async function checked(test: readonly string[], timeout = 0) {
  const { engine } = daemon;
  const probes = { begun: [] as string[], ended: [] as string[] };
  const unsubscribe = engine.events.subscribe(({ action, attributes }) => {
    const id = attributes['execID'] ?? '';
    if (action.startsWith('exec_start')) probes.begun.push(id);
    if (action === 'exec_die') probes.ended.push(id);
  });
  const record = await engine.create('', specOf({ command: ['sleep', '1000'], health: { ...check, test, timeout } }));
  await engine.start(record.id);
  const { criId } = engine.running(record.id);
  return { id: record.id, criId, probes, unsubscribe };
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, 'it never came to be');
    await sleep(20);
  }
}

/** Whether the shim still knows a process. */
async function isKnown(containerId: string, execId: string): Promise<boolean> {
  try {
    await daemon.containerd.tasks.get({ containerId, execId });
    return true;
  } catch (error) {
    if (hasCode(error, Code.NOT_FOUND)) return false;
    throw error;
  }
}

const probeFifos = async () => (await readdir(join(rig.base, 's/io'))).filter((name) => /^[0-9a-f]{64}\./.test(name));

test('probes that end leave nothing in the shim and no FIFO', async () => {
  const { id, criId, probes, unsubscribe } = await checked(['CMD', 'true']);
  await until(() => probes.ended.length >= 5);
  await daemon.engine.pause(id);
  await daemon.engine.unpause(id);
  for (const execId of probes.ended.slice(0, 5)) await until(async () => !(await isKnown(criId, execId)));
  assert.equal(daemon.engine.health(daemon.engine.find(id)) !== 'none', true);
  await daemon.engine.remove(id, { force: true, volumes: true });
  unsubscribe();
  await until(async () => (await probeFifos()).length === 0);
});

test('one that is killed for its time leaves nothing either', async () => {
  const { id, criId, probes, unsubscribe } = await checked(['CMD', 'sleep', '300'], 100e6);
  await until(() => probes.ended.length >= 2);
  const [first = ''] = probes.ended;
  await until(async () => !(await isKnown(criId, first)));
  await daemon.engine.remove(id, { force: true, volumes: true });
  unsubscribe();
});

test('a daemon that stops ends the probe under way; the next one goes on', async () => {
  const { id, criId, probes, unsubscribe } = await checked(['CMD', 'sleep', '300']);
  await until(() => probes.begun.length === 1);
  const [execId = ''] = probes.begun;
  unsubscribe();
  await daemon.close();
  daemon = await rig.boot();
  await until(async () => !(await isKnown(criId, execId)));
  assert.equal(daemon.engine.health(daemon.engine.find(id)), 'starting');
  await daemon.engine.remove(id, { force: true, volumes: true });
});
