import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, K3cError } from '../errors.ts';
import {
  decodeMessage,
  encodeMessage,
  fromHttpStatus,
  fromReset,
  fromTrailers,
  parseTimeout,
  toTrailers,
} from './status.ts';

test('a message survives percent-encoding, and a badly encoded one is taken as it is', () => {
  for (const message of ['plain', '100 % é\n', '日本', 'a%20b', ' a b  ', ' ', '']) {
    assert.equal(decodeMessage(encodeMessage(message)), message);
  }
  // A field with a space at an end is none: the whole message would be lost.
  assert.equal(encodeMessage(' a b  '), '%20a b%20%20');
  assert.match(encodeMessage('é\n%'), /^%C3%A9%0A%25$/);
  assert.equal(decodeMessage('100% sure'), '100% sure');
});

test('an error keeps code, message, reason and hint through trailers', () => {
  const error = new K3cError(Code.NOT_FOUND, 'no such container: ä', {
    reason: 'container-not-found',
    hint: 'k3c ps -a',
  });
  const back = fromTrailers(Object.entries(toTrailers(error)));
  assert.ok(back instanceof K3cError);
  assert.deepEqual(
    [back.code, back.message, back.reason, back.hint],
    [error.code, error.message, error.reason, error.hint],
  );
  assert.equal(fromTrailers(Object.entries(toTrailers())), 'ok');
  assert.equal(fromTrailers([['x', 'y']]), undefined);
});

test('a status that is no number is UNKNOWN, never success', () => {
  for (const status of ['', ' ', 'ok', '0x0', '99', '-0']) {
    const error = fromTrailers([['grpc-status', status]]);
    assert.ok(error instanceof K3cError, `"${status}"`);
    assert.equal(error.code, Code.UNKNOWN);
  }
});

test('a message that would not fit into a header list is cut, between escapes', () => {
  const trailers = toTrailers(new K3cError(Code.INTERNAL, 'é'.repeat(50_000)));
  const message = trailers['grpc-message'] ?? '';
  assert.ok(message.length < 8200);
  assert.match(message, /^(%C3%A9|%C3)+\.\.\.$/);
});

test('deadlines are read in every unit, malformed ones ignored', () => {
  const table: [string, number | undefined][] = [
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3000],
    ['4m', 4],
    ['5000u', 5],
    ['99999999n', 99.999999],
    ['123456789m', undefined],
    ['1', undefined],
    ['m', undefined],
    ['-1m', undefined],
  ];
  for (const [value, expected] of table) {
    const actual = parseTimeout(value);
    if (expected === undefined) assert.equal(actual, undefined, value);
    else assert.ok(actual !== undefined && Math.abs(actual - expected) < 1e-6, value);
  }
});

test('answers that are no gRPC and resets have the codes of the specification', () => {
  assert.equal(fromHttpStatus(503).code, Code.UNAVAILABLE);
  assert.equal(fromHttpStatus(404).code, Code.UNIMPLEMENTED);
  assert.equal(fromHttpStatus(415).code, Code.UNKNOWN);
  assert.deepEqual(
    [0, 2, 7, 8, 11].map((code) => fromReset(code).code),
    [Code.INTERNAL, Code.INTERNAL, Code.UNAVAILABLE, Code.CANCELLED, Code.RESOURCE_EXHAUSTED],
  );
});
