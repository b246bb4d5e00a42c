import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '../../host/log.ts';
import { childLog } from './log-line.ts';

test("a child's lines keep their fields: errors as warnings, the rest as details; what is not JSON is logged as it is", () => {
  const seen: [level: string, fields: object, message: string][] = [];
  const to = (level: string) => (fields: object, message: string) => void seen.push([level, fields, message]);
  const log: Log = { debug: to('debug'), info: to('info'), warn: to('warn'), error: to('error') };
  const write = childLog(log, 'containerd');
  write('{"level":"info","msg":"started","id":"x","time":"2026-11-24T08:00:00Z"}');
  write('{"level":"warning","msg":"odd"}');
  write('{"level":"error","msg":"bad"}');
  write('{"level":"error","msg":"Failed to pipe stdout of container \\"x\\"","error":"reading from a closed fifo"}');
  write('{"level":');
  write('panic: oh');
  write('   ');
  assert.deepEqual(seen, [
    ['debug', { child: 'containerd', id: 'x' }, 'started'],
    ['debug', { child: 'containerd' }, 'odd'],
    ['warn', { child: 'containerd' }, 'bad'],
    ['debug', { child: 'containerd', error: 'reading from a closed fifo' }, 'Failed to pipe stdout of container "x"'],
    ['debug', { child: 'containerd' }, '{"level":'],
    ['debug', { child: 'containerd' }, 'panic: oh'],
  ]);
});
