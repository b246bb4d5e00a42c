import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code } from '../../../api/errors.ts';
import type { PortMapping } from './host-network.ts';
import { describePort, PortTable, type Reservation } from './port-table.ts';

const mapping = (hostIp: string, hostPort = 80, protocol: 'tcp' | 'udp' = 'tcp'): PortMapping => ({
  hostIp,
  hostPort,
  containerPort: 80,
  protocol,
});
const reservation = (owner: string, port: PortMapping): Reservation => ({
  owner,
  ownerName: `pod ${owner}-name`,
  mapping: port,
});

/** Whether the second address is refused while the first is taken. */
function conflicts(first: string, second: string): boolean {
  const table = new PortTable();
  table.take(reservation('a', mapping(first)));
  try {
    table.take(reservation('b', mapping(second)));
    return false;
  } catch {
    return true; // any error: the next test looks at it
  }
}

test('addresses that cover each other conflict, others do not', () => {
  const cases: [string, string, boolean][] = [
    ['', '', true],
    ['', '127.0.0.1', true],
    ['', '::1', true],
    ['0.0.0.0', '127.0.0.1', true],
    ['0.0.0.0', '::', false],
    ['0.0.0.0', '::1', false],
    ['::', '::1', true],
    ['::', '127.0.0.1', false],
    ['127.0.0.1', '127.0.0.2', false],
    ['127.0.0.1', '127.0.0.1', true],
  ];
  for (const [one, other, expected] of cases) {
    assert.equal(conflicts(one, other), expected, `${one} and ${other}`);
    assert.equal(conflicts(other, one), expected, `${other} and ${one}`);
  }
});

test('the error has docker’s words and the holder’s name', () => {
  const table = new PortTable();
  table.take(reservation('a', mapping('')));
  assert.throws(() => table.take(reservation('b', mapping('127.0.0.1'))), {
    code: Code.ALREADY_EXISTS,
    reason: 'port-in-use',
    message: 'Bind for 127.0.0.1:80 failed: port is already allocated (pod a-name has it)',
  });
});

test('protocols and numbers are apart, and a freed port is free', () => {
  const table = new PortTable();
  const first = reservation('a', mapping(''));
  table.take(first);
  table.take(reservation('b', mapping('', 80, 'udp')));
  table.take(reservation('b', mapping('', 81)));
  assert.equal(table.find('a', mapping('')), first);
  assert.equal(table.find('b', mapping('')), undefined);
  table.free(first);
  table.take(reservation('b', mapping('')));
});

test('ports are written as docker writes them', () => {
  assert.equal(describePort(mapping('')), '0.0.0.0:80');
  assert.equal(describePort(mapping('127.0.0.1')), '127.0.0.1:80');
  assert.equal(describePort(mapping('::1')), '[::1]:80');
});
