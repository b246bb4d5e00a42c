import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeLostNamespaces } from './lost-namespaces.ts';

const isRoot = process.getuid?.() === 0;

test('a namespace that no process is in goes, one in use stays', { skip: !isRoot && 'needs root' }, async (t) => {
  const state = mkdtempSync(join(tmpdir(), 'k3c-netns-'));
  const directory = join(state, 'io.containerd.grpc.v1.cri/netns');
  t.after(() => rmSync(state, { recursive: true }));
  assert.equal(await removeLostNamespaces(state), 0);
  mkdirSync(directory, { recursive: true });
  const lost = join(directory, 'cni-lost');
  writeFileSync(lost, '');
  execFileSync('unshare', [`--net=${lost}`, 'true']);
  // Made, and never mounted.
  writeFileSync(join(directory, 'cni-early'), '');
  symlinkSync('/proc/self/ns/net', join(directory, 'cni-used'));
  assert.equal(await removeLostNamespaces(state), 2);
  assert.deepEqual(readdirSync(directory), ['cni-used']);
});
