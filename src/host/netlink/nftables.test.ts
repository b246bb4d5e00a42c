import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attributeMap, parseAttributes } from './codec.ts';
import { counter } from './nft-expressions.ts';
import {
  DataType,
  deleteAllTables,
  deleteElements,
  Family,
  Hook,
  newChain,
  newElements,
  newMap,
  newRule,
  newTable,
} from './nftables.ts';

const table = { family: Family.IPV4, table: 'k3c' };

test('a table', () => {
  const request = newTable(table);
  assert.equal(request.type, 0x0a00);
  assert.equal(request.payload.toString('hex'), '02000000' + '080001006b336300');
});

test('flushing names no table and no family', () => {
  assert.equal(deleteAllTables().payload.toString('hex'), '00000000');
});

test('a base chain has a hook, a signed priority, a policy and a kind', () => {
  const { payload } = newChain({ ...table, chain: 'out' }, { kind: 'nat', hook: Hook.OUTPUT, priority: -100 });
  assert.equal(
    payload.toString('hex'),
    '02000000' +
      '080001006b336300' +
      '080003006f757400' +
      '14000480' +
      '0800010000000003' +
      '08000200ffffff9c' +
      '0800050000000001' +
      '080007006e617400',
  );
});

test('a map is keyed by concatenated types, six bits each', () => {
  const { payload } = newMap(
    { ...table, set: 'any' },
    [DataType.PROTOCOL, DataType.PORT],
    [DataType.IPV4, DataType.PORT],
    1,
  );
  const attributes = attributeMap(payload.subarray(4));
  assert.equal(attributes.get(4)?.readUInt32BE(0), (12 << 6) | 13);
  assert.equal(attributes.get(5)?.readUInt32BE(0), 8);
  assert.equal(attributes.get(6)?.readUInt32BE(0), (7 << 6) | 13);
  assert.equal(attributes.get(3)?.readUInt32BE(0), 8);
});

test('a rule at the head is not appended, and its comment lies in the user data', () => {
  const request = newRule({ ...table, chain: 'f' }, [counter()], { atHead: true, comment: 'k3c' });
  assert.equal(request.flags & 0x800, 0);
  assert.equal(attributeMap(request.payload.subarray(4)).get(7)?.toString('hex'), '0004' + '6b336300');
});

test('many elements are split into messages that fit, in order', () => {
  const elements = Array.from({ length: 1100 }, (_, index) => ({
    key: Buffer.from([index & 255, index >> 8, 0, 0]),
    value: Buffer.alloc(8),
  }));
  const requests = newElements({ ...table, set: 'any' }, elements);
  const counts = requests.map(
    ({ payload }) => [...parseAttributes(attributeMap(payload.subarray(4)).get(3) ?? Buffer.alloc(0))].length,
  );
  assert.deepEqual(counts, [512, 512, 76]);
  assert.deepEqual(newElements({ ...table, set: 'any' }, []), []);
});

test('removal names keys alone', () => {
  const [request] = deleteElements({ ...table, set: 'any' }, [
    { key: Buffer.from([6, 0, 0, 0]), value: Buffer.alloc(8) },
  ]);
  assert.equal(request?.payload.toString('hex').slice(-40), '14000380' + '10000180' + '0c000180' + '0800010006000000');
});
