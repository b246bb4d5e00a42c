import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkName, newId, shortId } from './identity.ts';
import { generateName } from './names.ts';

test('ids are 64 hexadecimal digits, and their short form is no number', () => {
  for (let i = 0; i < 200; i++) {
    const id = newId();
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.doesNotMatch(shortId(id), /^\d+$/);
  }
});

test('names follow docker: letters, digits, _ . -, two at least, a leading slash is dropped', () => {
  for (const name of ['web', 'a1', 'A_b.c-d']) assert.equal(checkName(name), name);
  assert.equal(checkName('/web'), 'web');
  for (const name of ['', 'a', '-a', 'a b', 'a/b', 'ä1'])
    assert.throws(() => checkName(name), {
      message: `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    });
});

test('a made up name is adjective_surname; where all are taken a number makes room', () => {
  assert.match(
    generateName(() => false),
    /^[a-z]+_[a-z]+$/,
  );
  assert.match(
    generateName((name) => !/\d/.test(name)),
    /^[a-z]+_[a-z]+\d+$/,
  );
  assert.equal(checkName(generateName(() => false)).length > 4, true);
});
