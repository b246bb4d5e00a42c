import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNetDev } from './net-dev.ts';
import { cpuPercent } from './stats.ts';

test('the processor’s share is of one processor', () => {
  assert.equal(cpuPercent(500_000_000, 1000), 50);
  assert.equal(cpuPercent(0, 1000), 0);
  // A counter that went back: another attempt.
  assert.equal(cpuPercent(-5, 1000), 0);
  assert.equal(cpuPercent(3_000_000_000, 2000), 150);
});

test('traffic of all interfaces but the loopback device', () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     500       1    0    0    0     0          0         0      500       1    0    0    0     0       0          0
  eth0:    1462      17    0    0    0     0          0         0       42       1    0    0    0     0       0          0
  eth1:1000000000 1 0 0 0 0 0 0 8 1 0 0 0 0 0 0
`;
  assert.deepEqual(parseNetDev(text), { received: 1_000_001_462, sent: 50 });
  assert.deepEqual(parseNetDev(''), { received: 0, sent: 0 });
});
