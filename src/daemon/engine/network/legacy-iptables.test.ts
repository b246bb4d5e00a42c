import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commentOf, drops } from './legacy-iptables.ts';

test('a chain drops by its policy, or by a last rule for everything', () => {
  assert.ok(drops(['-P FORWARD DROP', '-A FORWARD -j DOCKER-USER']));
  assert.ok(drops(['-P FORWARD ACCEPT', '-A FORWARD -j REJECT --reject-with icmp-host-prohibited']));
  assert.ok(!drops(['-P FORWARD ACCEPT', '-A FORWARD -s 10.0.0.0/8 -j DROP', '-A FORWARD -j DROPPED']));
});

test('a rule is ours by its comment, quoted or not', () => {
  const line = (comment: string) => `-A FORWARD -i k3c0 -m comment --comment ${comment} -j ACCEPT`;
  assert.equal(commentOf(line('"k3c/k3c0/from/k3c0"'), 'k3c/k3c0/'), 'k3c/k3c0/from/k3c0');
  assert.equal(commentOf(line('k3c/k3c0/from/k3c0'), 'k3c/k3c0/'), 'k3c/k3c0/from/k3c0');
  assert.equal(commentOf(line('"k3c/k3c00/from/k3c00"'), 'k3c/k3c0/'), undefined);
  assert.equal(commentOf('-A FORWARD -j ACCEPT', 'k3c/k3c0/'), undefined);
});
