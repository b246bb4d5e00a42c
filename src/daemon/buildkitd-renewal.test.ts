import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { renewWhenIdle } from './buildkitd-renewal.ts';
import type { ChildState } from './supervisor/child.ts';

function rig(isStale: boolean, isUsed: boolean) {
  const registries = { isBuildkitStale: isStale };
  const state: ChildState = { kind: 'ready', pid: 1, since: 0 };
  const rig = { registries, isUsed, restarts: 0 };
  const buildkitd = {
    state,
    restart: async () => {
      rig.restarts++;
      registries.isBuildkitStale = false;
    },
  };
  return { rig, start: () => renewWhenIdle({ registries, buildkitd, isUsed: () => rig.isUsed }) };
}

test('what is stale and idle is started anew at once, and once', async () => {
  const { rig: idle, start } = rig(true, false);
  const end = start();
  await sleep(600);
  end();
  assert.equal(idle.restarts, 1);
});

test('what is not stale is left alone', async () => {
  const { rig: fresh, start } = rig(false, false);
  start()();
  await sleep(0);
  assert.equal(fresh.restarts, 0);
});

test('what is used is waited for, unless that is ended', async () => {
  const { rig: used, start } = rig(true, true);
  const end = start();
  await sleep(50);
  assert.equal(used.restarts, 0);
  used.isUsed = false;
  await sleep(600);
  assert.equal(used.restarts, 1);
  end();
  const other = rig(true, true);
  other.start()();
  other.rig.isUsed = false;
  await sleep(600);
  assert.equal(other.rig.restarts, 0);
});
