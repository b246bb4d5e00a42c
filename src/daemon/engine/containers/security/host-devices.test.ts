import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { hostDevices } from './host-devices.ts';

const device = (hostPath: string, containerPath = hostPath, permissions = 'r') => ({
  hostPath,
  containerPath,
  permissions,
});

describe('--device', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'k3c-hostdev-'));
    mkdirSync(join(directory, 'empty/deeper'), { recursive: true });
    writeFileSync(join(directory, 'file'), '');
    symlinkSync('/dev/null', join(directory, 'link'));
    symlinkSync('nowhere', join(directory, 'dangling'));
  });
  after(() => rmSync(directory, { recursive: true }));

  test('a device, a link to one and a directory of them', async () => {
    assert.deepEqual(
      await hostDevices([device('/dev/null'), device(join(directory, 'link'), '/dev/x'), device('/dev')], false),
      [device('/dev/null'), device('/dev/null', '/dev/x'), device('/dev')],
    );
  });

  test('a privileged container has them already, but under other names', async () => {
    assert.deepEqual(await hostDevices([device('/dev/null'), device('/dev/zero', '/dev/x'), device('/no')], true), [
      device('/dev/zero', '/dev/x', 'rwm'),
    ]);
  });

  const refused: [name: string, detail: string][] = [
    ['nope', 'no such file or directory'],
    ['dangling', 'no such file or directory'],
    ['file', 'not a device node'],
    ['empty', 'not a device node'],
  ];
  for (const [name, detail] of refused)
    test(`refuses ${name}`, () => {
      const path = join(directory, name);
      return assert.rejects(hostDevices([device(path)], false), {
        message: `error gathering device information while adding custom device "${path}": ${detail}`,
        reason: 'bad-input',
      });
    });
});
