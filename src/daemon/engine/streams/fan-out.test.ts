import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode } from '../../../api/errors.ts';
import { FanOut } from './fan-out.ts';
import type { OutputQueue } from './output-queue.ts';

const LIMITS = { aloneBytes: 100, sharedBytes: 400, sinkBytes: 1000, stallMs: 40 };
const BOTH = { stdout: true, stderr: true };

/** A source that says whether it is held. */
function source() {
  return {
    held: false,
    pause() {
      this.held = true;
    },
    resume() {
      this.held = false;
    },
  };
}

async function all(queue: OutputQueue): Promise<string> {
  let text = '';
  for await (const { data } of queue) text += data.toString();
  return text;
}

const bytes = (count: number) => Buffer.alloc(count, 'x');

test('every client gets the streams it wants, in order, and its end', async () => {
  const fan = new FanOut(source(), undefined, LIMITS);
  const [both, stderr, none] = [
    fan.add(BOTH),
    fan.add({ stdout: false, stderr: true }),
    fan.add({ stdout: false, stderr: false }),
  ];
  fan.push('stdout', Buffer.from('1'));
  fan.push('stderr', Buffer.from('2'));
  fan.push('stdout', Buffer.from('3'));
  fan.end();
  assert.deepEqual(await Promise.all([all(both), all(stderr), all(none)]), ['123', '2', '']);
  assert.equal(await all(fan.add(BOTH)), '', 'a client that comes after the end');
});

test('chunks of one stream that wait leave together, and never those of two streams', async () => {
  const fan = new FanOut(source());
  const queue = fan.add(BOTH);
  for (const part of ['a', 'b']) fan.push('stdout', Buffer.from(part));
  fan.push('stderr', Buffer.from('c'));
  fan.push('stdout', bytes(40_000));
  fan.push('stdout', bytes(40_000));
  fan.end();
  const seen: string[] = [];
  for await (const { stream, data } of queue) seen.push(`${stream} ${data.length}`);
  assert.deepEqual(seen, ['stdout 2', 'stderr 1', 'stdout 40000', 'stdout 40000']);
});

test('the only client holds the process as long as it likes and loses nothing', async () => {
  const from = source();
  const fan = new FanOut(from, undefined, LIMITS);
  const queue = fan.add(BOTH);
  fan.push('stdout', bytes(99));
  assert.equal(from.held, false);
  fan.push('stdout', bytes(1));
  assert.equal(from.held, true);
  await sleep(LIMITS.stallMs * 2);
  assert.equal(from.held, true);
  const reading = queue[Symbol.asyncIterator]();
  assert.equal((await reading.next()).value?.data.length, 100);
  assert.equal(from.held, false);
  fan.end();
  assert.equal((await reading.next()).done, true);
});

test('one of several that stays full is cut off, and the others go on', async () => {
  const from = source();
  const fan = new FanOut(from, undefined, LIMITS);
  const [slow, quick] = [fan.add(BOTH), fan.add(BOTH)];
  const received = all(quick);
  fan.push('stdout', bytes(399));
  await sleep(1);
  assert.equal(from.held, false);
  fan.push('stdout', bytes(1));
  assert.equal(from.held, true);
  await sleep(LIMITS.stallMs * 2);
  assert.equal(from.held, false);
  fan.push('stdout', bytes(50));
  fan.end();
  assert.equal((await received).length, 450);
  await assert.rejects(all(slow), (error) => hasCode(error, Code.RESOURCE_EXHAUSTED));
});

test('one of several that is always a little too slow runs out of its time', async () => {
  const from = source();
  const fan = new FanOut(from, undefined, LIMITS);
  const slow = fan.add(BOTH);
  void all(fan.add(BOTH));
  const reading = slow[Symbol.asyncIterator]();
  const sip = async () => {
    while (!(await reading.next()).done) await sleep(15);
  };
  const cut = assert.rejects(sip(), (error) => hasCode(error, Code.RESOURCE_EXHAUSTED));
  for (let i = 0; i < 200 && fan.size > 1; i++) {
    if (!from.held) fan.push(i % 2 === 0 ? 'stdout' : 'stderr', bytes(100));
    await sleep(3);
  }
  fan.end();
  await cut;
});

test('a client that is full when another comes has its time to catch up', async () => {
  const from = source();
  const fan = new FanOut(from, undefined, LIMITS);
  const slow = fan.add(BOTH);
  fan.push('stdout', bytes(150));
  assert.equal(from.held, true);
  fan.add(BOTH);
  assert.equal(from.held, false);
  fan.push('stdout', bytes(300));
  assert.equal(from.held, true);
  fan.end();
  assert.equal((await all(slow)).length, 450);
});

test('a client that leaves its loop, or is removed, holds nothing', async () => {
  const from = source();
  const fan = new FanOut(from, undefined, LIMITS);
  const [left, removed] = [fan.add(BOTH), fan.add(BOTH)];
  fan.push('stdout', bytes(500));
  assert.equal(from.held, true);
  for await (const _ of left) break;
  fan.remove(removed);
  assert.equal(from.held, false);
  assert.equal(await all(removed), '');
  fan.push('stdout', bytes(500));
  assert.equal(from.held, false);
});

test('a full log holds the process until it is half empty', () => {
  const from = source();
  const sink = {
    bytes: 0,
    write(_: string, data: Buffer) {
      this.bytes += data.length;
    },
  };
  const fan = new FanOut(from, sink, LIMITS);
  fan.push('stdout', bytes(1000));
  assert.equal(from.held, true);
  sink.bytes = 500;
  fan.onRelieved();
  assert.equal(from.held, true);
  sink.bytes = 499;
  fan.onRelieved();
  assert.equal(from.held, false);
});

test('nobody holds what is left after the exit', async () => {
  const from = source();
  const fan = new FanOut(from, undefined, LIMITS);
  const queue = fan.add(BOTH);
  fan.push('stdout', bytes(200));
  assert.equal(from.held, true);
  fan.drain();
  assert.equal(from.held, false);
  fan.push('stdout', bytes(320_000));
  assert.equal(from.held, false);
  fan.end();
  assert.equal((await all(queue)).length, 320_200);
});

test('abort gives every client the reason', async () => {
  const fan = new FanOut(source(), undefined, LIMITS);
  const queue = fan.add(BOTH);
  fan.push('stdout', bytes(10));
  fan.abort(new Error('the daemon is stopping'));
  await assert.rejects(all(queue), /stopping/);
});
