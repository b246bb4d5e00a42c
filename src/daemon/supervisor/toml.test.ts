import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toToml } from './toml.ts';

test('plain keys come before tables, nested tables have their whole path', () => {
  const text = toToml({
    version: 4,
    names: ['a', 'b "c"'],
    on: true,
    plugins: { 'io.x.v1': { path: '/x', inner: { deep: 'y' } } },
  });
  assert.equal(
    text,
    '"version" = 4\n"names" = ["a","b \\"c\\""]\n"on" = true\n\n["plugins"]\n\n["plugins"."io.x.v1"]\n"path" = "/x"\n\n["plugins"."io.x.v1"."inner"]\n"deep" = "y"\n',
  );
});

test('a list of tables has a head each', () => {
  assert.equal(
    toToml({ a: { list: [{ x: 1 }, { x: 2 }] } }),
    '\n["a"]\n\n[["a"."list"]]\n"x" = 1\n\n[["a"."list"]]\n"x" = 2\n',
  );
});
