import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { silentLog } from '../host/log.ts';
import { runtimesOfRoot } from './own-root.ts';

const directory = mkdtempSync(join(tmpdir(), 'k3c-own-root-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const runtimes = { runc: '/engine/runc', crun: '/usr/bin/crun' };

test('runtimes are called as they are, and nothing is made, where the root is that of the mount namespace', async () => {
  assert.deepEqual(await runtimesOfRoot(join(directory, 'none'), runtimes, silentLog, '/bin/false'), runtimes);
  assert.deepEqual(readdirSync(directory), []);
});

test('in a chroot they are links through the helper, the same ones at every start', async () => {
  const links = join(directory, 'links');
  const called = await runtimesOfRoot(links, runtimes, silentLog, '/bin/true');
  assert.deepEqual(called, { runc: join(links, 'runc'), crun: join(links, 'crun') });
  assert.equal(readlinkSync(called.crun), '/bin/true');
  assert.equal(readlinkSync(`${called.crun}.program`), '/usr/bin/crun');
  // The next daemon is another version.
  const next = { ...runtimes, runc: '/newer/runc' };
  assert.deepEqual(await runtimesOfRoot(links, next, silentLog, '/bin/true'), called);
  assert.equal(readlinkSync(`${called.runc}.program`), '/newer/runc');
  assert.deepEqual(readdirSync(links).sort(), ['crun', 'crun.program', 'runc', 'runc.program']);
});
