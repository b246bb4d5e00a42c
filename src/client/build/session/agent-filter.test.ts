import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentFilter } from './agent-filter.ts';

const message = (type: number, body = '') => {
  const out = Buffer.alloc(5 + body.length);
  out.writeUInt32BE(1 + body.length);
  out[4] = type;
  out.write(body, 5);
  return out;
};

test('listing and signing pass, in whatever pieces they come; everything else is answered with a failure', () => {
  const filter = new AgentFilter();
  const sign = message(13, 'to be signed');
  const all = Buffer.concat([message(11), message(17, 'a new key'), sign, message(19), message(27)]);
  const forwarded: Buffer[] = [];
  const refused: Buffer[] = [];
  for (const byte of all) {
    const { forward, refusals } = filter.push(Buffer.from([byte]));
    forwarded.push(forward);
    refused.push(refusals);
  }
  assert.deepEqual(Buffer.concat(forwarded), Buffer.concat([message(11), sign]));
  assert.deepEqual(Buffer.concat(refused), Buffer.concat([message(5), message(5), message(5)]));
  assert.throws(() => filter.push(Buffer.from([0xff, 0xff, 0xff, 0xff])), /too large/);
});
