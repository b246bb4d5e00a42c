import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deleteLink, newAddress, newBridge, setLinkMac, setLinkMtu, setLinkUp } from './rtnetlink.ts';

const hex = (...parts: string[]): string => parts.join('');
const ifinfomsg = (index: string, flags = '00000000', change = '00000000'): string =>
  hex('00', '00', '0000', index, flags, change);

test('a bridge: name, MTU, kind; it must be new', () => {
  const request = newBridge({ name: 'k3c0', mtu: 1400 });
  assert.equal(request.type, 16);
  assert.equal(request.flags, 0x600);
  assert.equal(
    request.payload.toString('hex'),
    hex(ifinfomsg('00000000'), '090003006b33633000000000', '0800040078050000', '10001280', '0b0001006272696467650000'),
  );
});

test('an address has its broadcast address', () => {
  const { type, payload } = newAddress({ linkIndex: 7, address: '10.91.0.1', prefix: 16 });
  assert.equal(type, 20);
  assert.equal(
    payload.toString('hex'),
    hex('02100000', '07000000', '080002000a5b0001', '080001000a5b0001', '080004000a5bffff'),
  );
});

test('changes of a link', () => {
  assert.equal(setLinkUp(7).payload.toString('hex'), ifinfomsg('07000000', '01000000', '01000000'));
  assert.equal(setLinkMtu(7, 1280).payload.toString('hex'), hex(ifinfomsg('07000000'), '0800040000050000'));
  assert.equal(
    setLinkMac(7, '02:6b:0a:5b:00:01').payload.toString('hex'),
    hex(ifinfomsg('07000000'), '0a000100026b0a5b00010000'),
  );
  assert.equal(deleteLink(7).type, 17);
  assert.throws(() => setLinkMac(7, '02:6b'), RangeError);
});
