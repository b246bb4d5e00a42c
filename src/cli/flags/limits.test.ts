import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseInt64, parseMemorySwap, parseSysctl, parseUlimit, parseWeight } from './limits.ts';

/** Values that are refused, each with docker's sentence. */
function refuses(parse: (text: string) => unknown, cases: readonly (readonly [text: string, message: string])[]) {
  for (const [text, message] of cases) test(`refuses '${text}'`, () => assert.throws(() => parse(text), { message }));
}

describe('--ulimit', () => {
  for (const [text, soft, hard] of [
    ['nofile=512:1024', 512n, 1024n],
    ['nproc=7', 7n, 7n],
    ['core=-1', -1n, -1n],
    ['memlock=1:-1', 1n, -1n],
  ] as const) {
    test(text, () => assert.deepEqual(parseUlimit(text), { name: text.split('=')[0], soft, hard }));
  }
  refuses(parseUlimit, [
    ['nofile', 'invalid ulimit argument: nofile'],
    ['as=1', 'invalid ulimit type: as'],
    ['foo=1', 'invalid ulimit type: foo'],
    ['nofile=', 'strconv.ParseInt: parsing "": invalid syntax'],
    ['nofile=1:x', 'strconv.ParseInt: parsing "x": invalid syntax'],
    ['nofile=1:2:3', 'too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`'],
    ['nofile=10:1', 'ulimit soft limit must be less than or equal to hard limit: 10 > 1'],
    ['nofile=-1:5', 'ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: 5'],
  ]);
});

describe('--sysctl', () => {
  for (const [text, expected] of [
    ['net.ipv4.ip_forward=1', ['net.ipv4.ip_forward', '1']],
    ['kernel.sem=250 32000 100 128', ['kernel.sem', '250 32000 100 128']],
    ['fs.mqueue.msg_max=7', ['fs.mqueue.msg_max', '7']],
    ['net.x=', ['net.x', '']],
  ] as const) {
    test(text, () => assert.deepEqual(parseSysctl(text), expected));
  }
  refuses(parseSysctl, [
    ['kernel.panic=1', "sysctl 'kernel.panic=1' is not allowed"],
    ['net.ipv4.ip_forward', "sysctl 'net.ipv4.ip_forward' is not allowed"],
    ['=1', "sysctl '=1' is not allowed"],
  ]);
});

describe('--memory-swap', () => {
  test('-1 is no limit', () => assert.equal(parseMemorySwap('-1'), -1n));
  test('a size', () => assert.equal(parseMemorySwap('1g'), 1n << 30n));
  refuses(parseMemorySwap, [['-2', "invalid size: '-2'"]]);
});

describe('whole numbers', () => {
  test('of 64 bits', () => assert.equal(parseInt64('-9223372036854775808'), -(2n ** 63n)));
  refuses(parseInt64, [
    ['1.5', 'strconv.ParseInt: parsing "1.5": invalid syntax'],
    ['9223372036854775808', 'strconv.ParseInt: parsing "9223372036854775808": value out of range'],
  ]);
  test('a weight', () => assert.equal(parseWeight('500'), 500));
  refuses(parseWeight, [
    ['-1', 'strconv.ParseUint: parsing "-1": invalid syntax'],
    ['65536', 'strconv.ParseUint: parsing "65536": value out of range'],
  ]);
});
