import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  attribute,
  attributeMap,
  be16,
  be32,
  be64,
  cString,
  message,
  nested,
  parseAttributes,
  parseCString,
  parseMessages,
} from './codec.ts';

test('an attribute has its length and type in host order and is padded to four bytes', () => {
  assert.equal(attribute(3, cString('k3c0')).toString('hex'), '090003006b33633000000000');
  assert.equal(attribute(4, be32(1400)).toString('hex'), '0800040000000578');
  assert.equal(nested(18, attribute(1, cString('bridge'))).toString('hex'), '10001280' + '0b0001006272696467650000');
});

test('an attribute that does not fit 16 bits is refused', () => {
  assert.throws(() => attribute(1, Buffer.alloc(70_000)), RangeError);
});

test('numbers in network order; negative ones as two’s complement', () => {
  assert.equal(be16(8080).toString('hex'), '1f90');
  assert.equal(be32(-3).toString('hex'), 'fffffffd');
  assert.equal(be64(1n).toString('hex'), '0000000000000001');
});

test('a message has its header and padded payload', () => {
  assert.equal(
    message(0x0a00, 0x405, 7, Buffer.from([2])).toString('hex'),
    '11000000' + '000a' + '0504' + '07000000' + '00000000' + '02000000',
  );
});

test('several messages of a datagram are told apart', () => {
  const datagram = Buffer.concat([message(2, 0, 5, Buffer.from([1])), message(3, 2, 6, Buffer.from([1, 2, 3, 4]))]);
  assert.deepEqual(
    [...parseMessages(datagram)].map(({ type, flags, sequence, payload }) => [
      type,
      flags,
      sequence,
      payload.toString('hex'),
    ]),
    [
      [2, 0, 5, '01'],
      [3, 2, 6, '01020304'],
    ],
  );
});

test('attributes come back without their flags, nested ones too', () => {
  const payload = Buffer.concat([attribute(1, be16(5)), nested(2, attribute(7, cString('x'))), attribute(1, be16(6))]);
  assert.deepEqual(
    [...parseAttributes(payload)].map(({ type }) => type),
    [1, 2, 1],
  );
  const map = attributeMap(payload);
  assert.equal(map.get(1)?.readUInt16BE(0), 6);
  assert.equal(parseCString(attributeMap(map.get(2) ?? Buffer.alloc(0)).get(7) ?? Buffer.alloc(0)), 'x');
});

test('lengths that lie end the parsing instead of running over', () => {
  const short = message(2, 0, 1, Buffer.alloc(8)).subarray(0, 20);
  assert.deepEqual([...parseMessages(short)], []);
  const attributes = attribute(1, Buffer.alloc(8));
  attributes.writeUInt16LE(0, 0);
  assert.deepEqual([...parseAttributes(attributes)], []);
  attributes.writeUInt16LE(200, 0);
  assert.deepEqual([...parseAttributes(attributes)], []);
});
