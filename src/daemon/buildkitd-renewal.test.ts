import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Renewal } from './buildkitd-renewal.ts';

function rig(isStale: boolean, isUsed: boolean) {
  const rig = { isUsed, restarts: 0 };
  const registries = { isBuildkitStale: isStale };
  const buildkitd = {
    restart: async () => {
      rig.restarts++;
      registries.isBuildkitStale = false;
    },
  };
  return { rig, registries, renewal: new Renewal({ registries, buildkitd, isUsed: () => rig.isUsed }) };
}

test('what is stale and idle is started anew at once, and once each time', async () => {
  const { rig: idle, registries, renewal } = rig(true, false);
  renewal.look();
  renewal.look();
  await sleep(600);
  assert.equal(idle.restarts, 1);
  registries.isBuildkitStale = true;
  renewal.look();
  await sleep(0);
  assert.equal(idle.restarts, 2);
  renewal.close();
});

test('what is not stale is left alone', async () => {
  const { rig: fresh, renewal } = rig(false, false);
  renewal.look();
  await sleep(0);
  assert.equal(fresh.restarts, 0);
  renewal.close();
});

test('what is used is waited for, unless that is ended', async () => {
  const { rig: used, renewal } = rig(true, true);
  renewal.look();
  await sleep(50);
  assert.equal(used.restarts, 0);
  used.isUsed = false;
  await sleep(600);
  assert.equal(used.restarts, 1);
  renewal.close();
  const other = rig(true, true);
  other.renewal.look();
  other.renewal.close();
  other.rig.isUsed = false;
  await sleep(600);
  assert.equal(other.rig.restarts, 0);
});
