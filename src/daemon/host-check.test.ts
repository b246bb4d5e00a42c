import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { appArmor } from './host-check.ts';

test('AppArmor needs the kernel, its file system and the parser', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'k3c-host-'));
  t.after(() => rm(root, { recursive: true }));
  const container = process.env['container'];
  delete process.env['container'];
  t.after(() => {
    if (container !== undefined) process.env['container'] = container;
  });
  const put = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  await put('sys/module/apparmor/parameters/enabled', 'Y\n');
  await put('sys/kernel/security/apparmor/profiles', '');
  assert.equal(await appArmor(root), false, 'no parser');
  await put('sbin/apparmor_parser', '');
  assert.equal(await appArmor(root), true);
  await put('sys/module/apparmor/parameters/enabled', 'N\n');
  assert.equal(await appArmor(root), false, 'off');
});
