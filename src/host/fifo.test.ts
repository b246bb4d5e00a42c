import assert from 'node:assert/strict';
import { once } from 'node:events';
import { lstatSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFifo, openFifoReader, openFifoWriter, wakeFifoReaders } from './fifo.ts';

async function inDirectory(act: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'k3c-fifo-'));
  try {
    await act(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

test('a FIFO is made for this user alone', () =>
  inDirectory(async (directory) => {
    makeFifo(join(directory, 'a'));
    const stat = lstatSync(join(directory, 'a'));
    assert.ok(stat.isFIFO());
    assert.equal(stat.mode & 0o777, 0o600);
  }));

test('a FIFO that cannot be made names its path and the reason', () =>
  inDirectory(async (directory) => {
    const path = join(directory, 'a');
    makeFifo(path);
    assert.throws(() => makeFifo(path), { code: 'EEXIST', path });
    assert.throws(() => makeFifo(join(directory, 'no/a')), { code: 'ENOENT' });
  }));

test('a reader gets what a writer writes, and its end when the writer leaves', () =>
  inDirectory(async (directory) => {
    const path = join(directory, 'a');
    makeFifo(path);
    const reader = openFifoReader(path);
    const writer = openFifoWriter(path);
    const sent = Buffer.alloc(3_000_000, 'abc');
    writer.write(sent, () => writer.destroy());
    const received: Buffer[] = [];
    for await (const data of reader) received.push(data);
    assert.ok(Buffer.concat(received).equals(sent));
  }));

test('a reader that came after the last writer is woken with an end', () =>
  inDirectory(async (directory) => {
    const path = join(directory, 'a');
    makeFifo(path);
    const reader = openFifoReader(path);
    reader.resume();
    let ended = false;
    reader.on('end', () => {
      ended = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(ended, false);
    wakeFifoReaders(path);
    await once(reader, 'close');
    assert.equal(ended, true);
  }));

test('waking does nothing while there is a writer, no reader, or no FIFO', () =>
  inDirectory(async (directory) => {
    const path = join(directory, 'a');
    wakeFifoReaders(path);
    makeFifo(path);
    wakeFifoReaders(path);
    const reader = openFifoReader(path);
    const writer = openFifoWriter(path);
    let ended = false;
    reader.on('end', () => {
      ended = true;
    });
    reader.resume();
    wakeFifoReaders(path);
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(ended, false);
    reader.destroy();
    writer.destroy();
  }));
