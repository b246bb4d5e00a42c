import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { knownCapabilities } from '../../../../host/capabilities.ts';
import { capabilitiesOf, checkCapabilities, DEFAULT_CAPABILITIES } from './capabilities.ts';

/** A daemon in a container: it has all but one. */
const available = knownCapabilities().filter((name) => name !== 'CAP_SYS_RESOURCE');
const without = (...names: string[]) => DEFAULT_CAPABILITIES.filter((name) => !names.includes(name));

describe('capabilities', () => {
  const cases: [title: string, add: string[], drop: string[], expected: readonly string[]][] = [
    ["nothing said: docker's fourteen", [], [], DEFAULT_CAPABILITIES],
    [
      'names in any form',
      ['net_admin', 'CAP_SYS_TIME', 'cap_syslog'],
      [],
      [...DEFAULT_CAPABILITIES, 'CAP_NET_ADMIN', 'CAP_SYS_TIME', 'CAP_SYSLOG'],
    ],
    ['one that is there already', ['CHOWN'], [], DEFAULT_CAPABILITIES],
    ['fewer', [], ['chown', 'CAP_KILL'], without('CAP_CHOWN', 'CAP_KILL')],
    ['added wins over dropped', ['KILL'], ['KILL'], [...without('CAP_KILL'), 'CAP_KILL']],
    ['one that the daemon has not is dropped all the same', [], ['sys_resource'], DEFAULT_CAPABILITIES],
    ['none', [], ['all'], []],
    ['none but one', ['net_raw'], ['ALL'], ['CAP_NET_RAW']],
    ['all that the daemon has', ['all'], [], available],
    ['all but one', ['ALL'], ['SYS_ADMIN'], available.filter((name) => name !== 'CAP_SYS_ADMIN')],
    ['ALL on both sides', ['ALL'], ['ALL'], available],
  ];
  for (const [title, add, drop, expected] of cases)
    test(title, () => {
      checkCapabilities(add, drop, available);
      assert.deepEqual(capabilitiesOf(add, drop, available), expected);
    });

  const refused: [add: string[], drop: string[], sentence: string][] = [
    [['FOO'], [], 'invalid CapAdd: unknown capability: "CAP_FOO"'],
    [[], ['cap_foo'], 'invalid CapDrop: unknown capability: "CAP_FOO"'],
    [[''], [], 'invalid CapAdd: unknown capability: "CAP_"'],
    [['CAP_ALL'], [], 'invalid CapAdd: unknown capability: "CAP_ALL"'],
    [
      ['sys_resource'],
      [],
      'invalid CapAdd: capability not supported by your kernel or not available in the current environment: "CAP_SYS_RESOURCE"',
    ],
  ];
  for (const [add, drop, message] of refused)
    test(message, () => assert.throws(() => checkCapabilities(add, drop, available), { message, reason: 'bad-input' }));
});
