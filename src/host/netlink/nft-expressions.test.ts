import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as nft from './nft-expressions.ts';

/** NFTA_LIST_ELEM { NFTA_EXPR_NAME, NFTA_EXPR_DATA { … } } written out by hand. */
function expression(name: string, data: string): string {
  const nameBytes = Buffer.from(`${name}\0`);
  const padding = Buffer.alloc((4 - (nameBytes.length % 4)) % 4);
  const nameAttribute = Buffer.concat([u16(4 + nameBytes.length), u16(1), nameBytes, padding]);
  const body = Buffer.from(data, 'hex');
  const dataAttribute = Buffer.concat([u16(4 + body.length), u16(0x8002), body]);
  const inner = Buffer.concat([nameAttribute, dataAttribute]);
  return Buffer.concat([u16(4 + inner.length), u16(0x8001), inner]).toString('hex');
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

const hex = (expressions: readonly Buffer[]): string => Buffer.concat(expressions).toString('hex');

test('an interface name is compared with all 16 bytes', () => {
  const name = '140001006b336330000000000000000000000000';
  assert.equal(
    hex(nft.outputInterface('k3c0', { not: true })),
    expression('meta', '0800020000000007' + '0800010000000001') +
      expression('cmp', `0800010000000001080002000000000118000380${name}`),
  );
});

test('an address in a network: load, mask, compare', () => {
  assert.equal(
    hex(nft.ipv4FieldIn(nft.Ipv4Field.SOURCE, { address: 0x0a5b0000, prefix: 16 })),
    expression('payload', '0800010000000001' + '0800020000000001' + '080003000000000c' + '0800040000000004') +
      expression(
        'bitwise',
        '0800010000000001' +
          '0800020000000001' +
          '0800030000000004' +
          '0c00048008000100ffff0000' +
          '0c0005800800010000000000',
      ) +
      expression('cmp', '0800010000000001' + '0800020000000000' + '0c000380080001000a5b0000'),
  );
});

test('destination NAT takes address and port from the registers', () => {
  assert.equal(
    hex([nft.destinationNat()]),
    expression(
      'nat',
      '0800010000000001' + '0800020000000002' + '0800030000000001' + '0800050000000009' + '0800070000000002',
    ),
  );
});

test('a jump is a verdict with a chain', () => {
  assert.equal(
    hex([nft.verdict(nft.Verdict.JUMP, 'dnat')]),
    expression('immediate', '0800010000000000' + '1c0002801800028008000100fffffffd' + '09000200646e617400000000'),
  );
});

test('bits of a connection are in host order', () => {
  assert.match(hex(nft.connectionStatus(nft.ConnectionStatus.DESTINATION_NAT)), /0c0004800800010020000000/);
});

test('the segment size is written without FLAGS, which the kernel refuses', () => {
  const last = nft.clampSegmentSize().at(-1)?.toString('hex');
  assert.equal(
    last,
    expression(
      'exthdr',
      '0800070000000001' + '0500020002000000' + '0800030000000002' + '0800040000000002' + '0800060000000001',
    ),
  );
});

test('fields of a key fill whole registers', () => {
  assert.equal(nft.portField(53).toString('hex'), '00350000');
  assert.equal(nft.registerField(Buffer.from([17])).toString('hex'), '11000000');
});
