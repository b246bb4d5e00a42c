import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { askServers } from './ask-servers.ts';

const OK = 0;
const SERVFAIL = 2;
/** A header whose second half of the flags has the code. */
const answer = (code: number) => Buffer.from([0, 1, 0x80, code, 0, 0, 0, 0, 0, 0, 0, 0]);

/** What each server does, and whom they asked. A turn is 40 ms, all the patience 160 ms. */
async function outcome(servers: Record<string, (signal: AbortSignal) => Promise<Buffer>>) {
  const asked: string[] = [];
  const silent: string[] = [];
  const all = Object.keys(servers);
  const answered = askServers({
    rounds: [all, all],
    ask: (address, signal) => {
      asked.push(address);
      return servers[address]?.(signal) ?? Promise.reject(new Error('nobody'));
    },
    turnMs: 40,
    patienceMs: 160,
    signal: new AbortController().signal,
    onHeard: (address, heard) => void (heard || silent.push(address)),
  });
  const code = await answered.then((said) => said[3]).catch((error: Error) => error.message);
  return { asked, silent, code };
}

const after =
  (milliseconds: number, code = OK) =>
  (signal: AbortSignal) =>
    sleep(milliseconds, answer(code), { signal });
const dead = () => Promise.reject(new Error('refused'));

test('who takes longer than a turn is listened to until the end', async () => {
  const { asked, silent, code } = await outcome({ slow: after(110) });
  assert.deepEqual([asked, silent, code], [['slow', 'slow'], ['slow', 'slow'], OK]);
});

test('the next one is asked after a turn, and the first that knows is the answer', async () => {
  assert.deepEqual(await outcome({ slow: after(100), quick: after(5) }), {
    asked: ['slow', 'quick'],
    silent: ['slow'],
    code: OK,
  });
  const { asked, code } = await outcome({ first: after(60), second: after(300) });
  assert.deepEqual([asked, code], [['first', 'second'], OK]);
});

test('where nobody listens nobody is asked again; where nobody answers it ends in time', async () => {
  assert.deepEqual(await outcome({ dead }), { asked: ['dead'], silent: ['dead'], code: 'refused' });
  const begin = performance.now();
  const { code } = await outcome({ never: after(5000) });
  assert.match(String(code), /abort|time/i);
  assert.ok(performance.now() - begin < 1000);
});

test('a failure that a server tells of counts when no other knows better', async () => {
  assert.equal((await outcome({ broken: after(1, SERVFAIL), good: after(1) })).code, OK);
  assert.equal((await outcome({ broken: after(1, SERVFAIL), dead })).code, SERVFAIL);
});

test('the end of the daemon ends the question', async () => {
  const closing = new AbortController();
  const ask = (_: string, signal: AbortSignal) => sleep(5000, answer(OK), { signal });
  const options = { rounds: [['a']], ask, turnMs: 2000, patienceMs: 4000, onHeard: () => undefined };
  const begin = performance.now();
  const question = askServers({ ...options, signal: closing.signal });
  closing.abort();
  await assert.rejects(question);
  await assert.rejects(askServers({ ...options, signal: closing.signal }), /no server was asked/);
  assert.ok(performance.now() - begin < 1000);
});
