import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseChallenges } from './challenge.ts';

test('what registries ask for', () => {
  assert.deepEqual(parseChallenges('Basic realm="k3c"'), [{ scheme: 'basic', parameters: { realm: 'k3c' } }]);
  assert.deepEqual(
    parseChallenges('Bearer realm="https://auth.test/token",service="r.test",scope="repository:a/b:pull,push"'),
    [
      {
        scheme: 'bearer',
        parameters: { realm: 'https://auth.test/token', service: 'r.test', scope: 'repository:a/b:pull,push' },
      },
    ],
  );
});

test('several in one header, without quotes, with escapes and spaces', () => {
  assert.deepEqual(parseChallenges('Negotiate, BEARER Realm = tok , x="a\\"b", Basic realm=z'), [
    { scheme: 'negotiate', parameters: {} },
    { scheme: 'bearer', parameters: { realm: 'tok', x: 'a"b' } },
    { scheme: 'basic', parameters: { realm: 'z' } },
  ]);
});

test('what cannot be read ends it', () => {
  for (const text of ['', ',,', '=x', 'Basic realm="', 'Basic realm=']) assert.ok(parseChallenges(text).length <= 1);
  assert.deepEqual(parseChallenges('Basic realm="open'), [{ scheme: 'basic', parameters: {} }]);
});
