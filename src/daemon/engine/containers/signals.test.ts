import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSignal } from './signals.ts';

test('signals by name, number and distance from the real-time ends', () => {
  for (const [text, number] of [
    ['TERM', 15],
    ['SIGTERM', 15],
    ['sigkill', 9],
    ['15', 15],
    ['USR1', 10],
    ['WINCH', 28],
    ['RTMIN', 34],
    ['SIGRTMIN+3', 37],
    ['RTMAX-1', 63],
    ['64', 64],
  ] as const)
    assert.equal(parseSignal(text), number, text);
});

test('what is no signal is refused in docker words', () => {
  for (const text of ['', '0', '65', 'NOPE', 'RTMAX+1', 'RTMIN-1', '-9', '9x'])
    assert.throws(() => parseSignal(text), { message: `invalid signal: ${text}` });
});
