import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { VolumeRecord } from '../../state/volumes.ts';
import { volumeMatcher } from './filters.ts';

const volume = (name: string, labels: Record<string, string> = {}): VolumeRecord => ({
  name,
  anonymous: name === 'other',
  labels,
  options: {},
  createdAt: 1n,
});
const all = [volume('data', { a: 'b', c: '' }), volume('data2', { a: 'x' }), volume('other')];

describe('filters of volume ls', () => {
  const cases: [filters: Record<string, string[]>, names: string[]][] = [
    [{}, ['data', 'data2', 'other']],
    [{ name: ['data'] }, ['data', 'data2']],
    [{ name: ['^data$', 'oth'] }, ['data', 'other']],
    [{ name: ['['] }, []],
    [{ driver: ['local'] }, ['data', 'data2', 'other']],
    [{ driver: ['nfs'] }, []],
    [{ label: ['a'] }, ['data', 'data2']],
    [{ label: ['a=b', 'c'] }, ['data']],
    [{ 'label!': ['a=b'] }, ['data2', 'other']],
    [{ label: ['com.docker.volume.anonymous'] }, ['other']],
    [{ dangling: ['true'] }, ['data2', 'other']],
    [{ dangling: ['0'] }, ['data']],
    [{ dangling: ['true'], label: ['a'] }, ['data2']],
  ];
  for (const [filters, names] of cases)
    test(JSON.stringify(filters), () => {
      const matches = volumeMatcher(filters, (name) => name === 'data');
      assert.deepEqual(
        all.filter(matches).map(({ name }) => name),
        names,
      );
    });
  for (const [filters, what] of [
    [{ foo: ['x'] }, 'foo'],
    [{ dangling: ['maybe'] }, 'dangling=[maybe]'],
    [{ dangling: ['true', 'false'] }, 'dangling=[true false]'],
  ] as const)
    test(`${what} is refused`, () => {
      assert.throws(() => volumeMatcher(filters, () => false), { message: `invalid filter '${what}'` });
    });
});
