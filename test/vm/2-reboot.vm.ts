/** After the machine was booted anew, with containers that ran. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { eventually, ok } from './machine.ts';

test('a container that ignores SIGTERM did not hold up the shutdown', () => {
  const left = Number(readFileSync('/root/before-reboot', 'utf8'));
  const booted = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]) * 1000;
  // systemd's own patience would be 90 s.
  assert.ok(booted - left < 60_000, `${booted - left} ms`);
});

test('those that are to run run again: ports, networks and volumes with them', async () => {
  assert.equal(await ok('systemctl is-active k3c'), 'active');
  await eventually(async () => assert.equal(await ok('curl -sS -m 5 http://192.0.2.2:8080/'), 'a page'), 120);
  assert.equal(await ok('k3c exec web cat /data/file'), 'kept');
  assert.match(
    await ok('k3c run --rm --network n1 busybox sh -c "ping -c 1 -W 1 web | head -n 1"'),
    /\(172\.18\.0\.\d+\)/,
  );
});

test('the others are as they were left', async () => {
  const states = await ok("k3c ps -a --format '{{.Names}} {{.State}}'");
  for (const state of ['deaf running', 'ended exited', 'stopped exited'])
    assert.ok(states.split('\n').includes(state), states);
});

test('it is all taken away again', async () => {
  await ok('sh /repo/scripts/install.sh --uninstall --purge');
  assert.equal(await ok('ls -d /var/lib/k3c /run/k3c /etc/k3c 2>/dev/null || true'), '');
  assert.equal(await ok('nft list tables | grep k3c || true'), '');
  assert.equal(await ok('grep /k3c/ /proc/mounts || true'), '');
  assert.equal(await ok('ls -d /sys/class/net/k3c* 2>/dev/null || true'), '');
});
