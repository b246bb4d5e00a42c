import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exactNumber, parseExact } from './exact-json.ts';

test('numbers of 64 bits come out as they went in', () => {
  for (const text of [
    '{"soft":18446744073709551615,"hard":9007199254740993,"n":-9223372036854775808,"small":7}',
    '[1.5,1e3,"18446744073709551615"]',
  ])
    assert.equal(JSON.stringify(parseExact(text)), text.replace('1e3', '1000'));
  assert.equal(JSON.stringify({ n: exactNumber('18446744073709551615') }), '{"n":18446744073709551615}');
});

test('what is not JSON is an error', () => {
  assert.throws(() => parseExact('{"a":18446744073709551615'), SyntaxError);
});
