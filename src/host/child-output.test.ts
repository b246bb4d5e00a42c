import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { ChildOutput } from './child-output.ts';

function child(script: string) {
  return spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
}

test('all of it comes, also to a reader slower than the writer', async () => {
  const writer = child('head -c 5000000 /dev/zero');
  let bytes = 0;
  let chunks = 0;
  for await (const chunk of new ChildOutput(writer.stdout)) {
    bytes += chunk.length;
    if (++chunks % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal(bytes, 5_000_000);
});

test('a reader that comes after the end of the child finds everything, and goes on where another stopped', async () => {
  const writer = child('printf one; printf two >&2; printf three');
  const output = new ChildOutput(writer.stdout);
  await once(writer, 'close');
  const reader = output[Symbol.asyncIterator]();
  let text = String((await reader.next()).value);
  for await (const chunk of output) text += chunk.toString();
  assert.equal(text, 'onethree');
  assert.deepEqual(await reader.next(), { done: true, value: undefined });
});

test('a child whose output nobody wants ends', async () => {
  const writer = child('head -c 5000000 /dev/zero');
  new ChildOutput(writer.stdout).discard();
  const [code] = await once(writer, 'close');
  assert.equal(code, 0);
});
