import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { checkDeviceCgroupRule, isCdiName, parseDevice, parseGpus } from './devices.ts';

const directory = mkdtempSync(join(tmpdir(), 'k3c-dev-'));
after(() => rmSync(directory, { recursive: true }));

describe('--device', () => {
  const device = (hostPath: string, containerPath = hostPath, permissions = 'rwm') => ({
    hostPath,
    containerPath,
    permissions,
  });
  for (const [text, expected] of [
    ['/dev/null', device('/dev/null')],
    ['/dev/null:r', device('/dev/null', '/dev/null', 'r')],
    ['/dev/null:/dev/x', device('/dev/null', '/dev/x')],
    ['/dev/null:/dev//x/:wr', device('/dev/null', '/dev/x/', 'wr')],
  ] as const)
    test(text, async () => assert.deepEqual(await parseDevice(text), [expected]));

  test('a star stands for what is there', async () => {
    for (const name of ['b1', 'b0', 'c']) writeFileSync(join(directory, name), '');
    const found = await parseDevice(`${directory}/b*:rw`);
    assert.deepEqual(found, [
      device(`${directory}/b0`, `${directory}/b0`, 'rw'),
      device(`${directory}/b1`, `${directory}/b1`, 'rw'),
    ]);
  });

  for (const [text, sentence] of [
    ['', 'bad format for path: '],
    [':/dev/x', 'bad format for path: :/dev/x'],
    ['/a:/b:r:x', 'bad format for path: /a:/b:r:x'],
    ['/a:/b:rr', 'bad mode specified: rr'],
    ['/a:/b:', 'bad mode specified: '],
    ['/a:/b:q', 'bad mode specified: q'],
    ['/dev/null:x', 'x is not an absolute path'],
    ['/dev/null:', ' is not an absolute path'],
    ['null', 'null is not an absolute path'],
    ['null:r', 'null is not an absolute path'],
    ['/dev/tty*:/dev/x', "device with * suffix can't have dst: /dev/tty*:/dev/x"],
  ] as const)
    test(`refuses ${JSON.stringify(text)}`, () => assert.rejects(parseDevice(text), { message: sentence }));
});

test('CDI names are told from paths', () => {
  for (const name of ['vendor.com/class=name', 'nvidia.com/gpu=0', 'a/b=c', 'nvidia.com/gpu=GPU-1:2'])
    assert.equal(isCdiName(name), true, name);
  for (const name of ['/dev/a=b', 'vendor.com/class', 'vendor.com/class=', '1v/c=n', 'vendor./class=n', 'v/c=n/x'])
    assert.equal(isCdiName(name), false, name);
});

test('--device-cgroup-rule', () => {
  for (const rule of ['c 1:3 rwm', 'b *:* m', 'a 1:* r']) assert.equal(checkDeviceCgroupRule(rule), rule);
  for (const rule of ['', 'c 1:3', 'x 1:3 r', 'c 1:3 rwmr', 'c 1:3 q', 'c a:b r'])
    assert.throws(() => checkDeviceCgroupRule(rule), { message: `invalid device cgroup format '${rule}'` });
});

describe('--gpus', () => {
  const cases: [text: string, names: string[]][] = [
    ['all', ['nvidia.com/gpu=all']],
    ['count=all', ['nvidia.com/gpu=all']],
    ['-1', ['nvidia.com/gpu=all']],
    ['2', ['nvidia.com/gpu=0', 'nvidia.com/gpu=1']],
    ['0', []],
    ['driver=nvidia', ['nvidia.com/gpu=0']],
    ['driver=amd,count=all', ['amd.com/gpu=all']],
    ['device=1', ['nvidia.com/gpu=1']],
    ['"device=0,GPU-3a2"', ['nvidia.com/gpu=0', 'nvidia.com/gpu=GPU-3a2']],
    ['driver=cdi,device=vendor.com/gpu=x', ['vendor.com/gpu=x']],
  ];
  for (const [text, names] of cases) test(text, () => assert.deepEqual(parseGpus(text), names));

  for (const [text, sentence] of [
    ['x', 'invalid count (x): value must be either "all" or an integer: invalid syntax'],
    ['count=1.5', 'invalid count (1.5): value must be either "all" or an integer: invalid syntax'],
    ['9999999', 'invalid count (9999999): there is no machine with more than 1024 GPUs'],
    ['foo=1', "unexpected key 'foo' in 'foo=1'"],
    ['all,count=1', "gpu request key 'count' can be specified only once"],
    ['device=0,device=1', "gpu request key 'device' can be specified only once"],
    ['device=0,1', 'cannot set both Count and DeviceIDs on device request'],
    ['driver=foo', 'could not select device driver "foo" with capabilities: [[gpu]]'],
    ['driver=cdi', 'could not select device driver "cdi" with capabilities: [[gpu]]'],
    ['driver=cdi,device=0', 'could not select device driver "cdi" with capabilities: [[gpu]]'],
    ['all,capabilities=utility', "k3c gives a GPU with all that its CDI specification says: leave out 'capabilities'"],
    ['all,options=a', "k3c gives a GPU with all that its CDI specification says: leave out 'options'"],
  ] as const)
    test(`refuses ${text}`, () => assert.throws(() => parseGpus(text), { message: sentence }));
});
