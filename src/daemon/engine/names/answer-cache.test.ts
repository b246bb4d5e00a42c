import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, encode } from 'dns-packet';
import { AnswerCache, lifetime } from './answer-cache.ts';

const questions = [{ type: 'A', name: 'a.example' }] as const;
const questionEnd = encode({ type: 'query', questions: [...questions] }).length;

function response(ttls: readonly number[], more: { flags?: number; authorities?: Answer[] } = {}): Buffer {
  return encode({
    type: 'response',
    questions: [...questions],
    answers: ttls.map((ttl) => ({ type: 'A', name: 'a.example', ttl, data: '192.0.2.1' })),
    ...more,
  });
}

function soa(ttl: number, minimum: number): Answer {
  return { type: 'SOA', name: 'example', ttl, data: { mname: 'ns', rname: 'root', minimum } };
}

test('how long an answer counts', () => {
  assert.equal(lifetime(response([300, 60]), questionEnd), 60);
  assert.equal(lifetime(response([999_999]), questionEnd), 3600);
  assert.equal(lifetime(response([0]), questionEnd), 0);
  assert.ok(lifetime(response([0xffffffff]), questionEnd) <= 0);
  const negative = (flags: number, authorities: Answer[]) =>
    lifetime(response([], { flags, authorities }), questionEnd);
  assert.equal(negative(3, [soa(900, 30)]), 30);
  assert.equal(negative(0, [soa(20, 30)]), 20);
  assert.equal(negative(3, [soa(9000, 9000)]), 300);
  assert.equal(negative(3, []), 0);
  assert.equal(negative(2, [soa(900, 30)]), 0, 'a failure is no answer');
  assert.equal(lifetime(response([60], { flags: 0x200 }), questionEnd), 0, 'cut short');
});

test('an answer ages and expires', () => {
  const cache = new AnswerCache(1_000_000);
  cache.put('a', response([60]), questionEnd, 1000);
  assert.equal(cache.get('a', 1999)?.ageSeconds, 0);
  assert.equal(cache.get('a', 60_999)?.ageSeconds, 59);
  assert.equal(cache.get('a', 61_000), undefined);
  assert.equal(cache.bytes, 0);
});

test('what was not used for the longest time makes room', () => {
  const cache = new AnswerCache(4000);
  for (let i = 0; i < 100; i++) {
    cache.put(`k${i}`, response([60]), questionEnd, 0);
    assert.notEqual(cache.get('k0', 0), undefined);
    assert.ok(cache.bytes <= 4000);
  }
  assert.equal(cache.get('k1', 0), undefined);
  assert.notEqual(cache.get('k99', 0), undefined);
});
