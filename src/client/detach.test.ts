import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DetachScanner } from './detach.ts';

/** Feeds chunks; returns all that is passed on, with `|` for each chunk's end, and `!` where the keys were found. */
function scan(keys: string, ...chunks: string[]): string {
  const scanner = new DetachScanner(Buffer.from(keys));
  const passed = chunks.map((chunk) => {
    const { data, found } = scanner.push(Buffer.from(chunk));
    return `${data.toString()}${found ? '!' : '|'}`;
  });
  return passed.join('') + scanner.end().toString();
}

describe('detach keys', () => {
  const cases: [name: string, keys: string, chunks: string[], expected: string][] = [
    ['ordinary input passes', 'pq', ['abc', 'd'], 'abc|d|'],
    ['both keys in one chunk', 'pq', ['abpqcd'], 'ab!'],
    ['keys in two chunks', 'pq', ['abp', 'q'], 'ab|!'],
    ['a first key alone is held, then passed on', 'pq', ['ap', 'b'], 'a|pb|'],
    ['the first key twice', 'pq', ['pp', 'q'], 'p|!'],
    ['what is held when input ends is passed on', 'pq', ['ap'], 'a|p'],
    ['one key', 'x', ['abxc'], 'ab!'],
    ['three keys, a false start', 'abc', ['ababc'], 'ab!'],
  ];
  for (const [name, keys, chunks, expected] of cases) test(name, () => assert.equal(scan(keys, ...chunks), expected));
});
