import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { K3cError } from '../../../../api/errors.ts';
import { procTable, toRow } from './proc-table.ts';
import { checkPsOptions, parsePsOutput } from './ps-output.ts';
import { onlyPids } from './top.ts';

describe('a line of ps -ef', () => {
  const now = new Date(2026, 10, 24, 12, 0, 0).getTime();
  const boot = now / 1000 - 86_400 * 400;
  /** Of a process that started so many seconds ago. */
  const stat = (ago: number, ticks = 0, comm = 'sleep', state = 'S', tty = 0) =>
    `7 (${comm}) ${state} 3 7 7 ${tty} -1 4194560 1 0 0 0 ${ticks} 0 0 0 20 0 1 0 ${(86_400 * 400 - ago) * 100} 1 1`;
  const row = (text: string, over: { uid?: number; commandLine?: string } = {}) =>
    toRow(
      { pid: 7, uid: 0, stat: text, commandLine: 'sleep\x001000\x00', ...over },
      new Map([
        [0, 'root'],
        [5, 'systemd-network'],
      ]),
      boot,
      now,
    );
  const cases: [name: string, row: readonly string[], expected: readonly string[]][] = [
    ['plain', row(stat(3600)), ['root', '7', '3', '0', '11:00', '?', '00:00:00', 'sleep 1000']],
    ['busy', row(stat(100, 5000)), ['root', '7', '3', '50', '11:58', '?', '00:00:50', 'sleep 1000']],
    ['never over 99', row(stat(1, 5000)), ['root', '7', '3', '99', '11:59', '?', '00:00:50', 'sleep 1000']],
    ['days', row(stat(86_400 * 2, 9_000_000)), ['root', '7', '3', '52', 'Nov22', '?', '1-01:00:00', 'sleep 1000']],
    ['years', row(stat(86_400 * 390)), ['root', '7', '3', '0', '2025', '?', '00:00:00', 'sleep 1000']],
    ['pts', row(stat(3600, 0, 'sh', 'S', 34_817)), ['root', '7', '3', '0', '11:00', 'pts/1', '00:00:00', 'sleep 1000']],
    ['tty', row(stat(3600, 0, 'sh', 'S', 1025)), ['root', '7', '3', '0', '11:00', 'tty1', '00:00:00', 'sleep 1000']],
    ['long user', row(stat(3600), { uid: 5 }), ['systemd+', '7', '3', '0', '11:00', '?', '00:00:00', 'sleep 1000']],
    ['no user', row(stat(3600), { uid: 12_345 }), ['12345', '7', '3', '0', '11:00', '?', '00:00:00', 'sleep 1000']],
    [
      'zombie with a name that confuses',
      row(stat(3600, 0, 'a) (b', 'Z'), { commandLine: '' }),
      ['root', '7', '3', '0', '11:00', '?', '00:00:00', '[a) (b] <defunct>'],
    ],
  ];
  for (const [name, found, expected] of cases) test(name, () => assert.deepEqual(found, expected));

  test('of this very process, and none of one that is gone', async () => {
    const { titles, processes } = await procTable([process.pid, 2 ** 22 + 1]);
    assert.deepEqual(titles, ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD']);
    assert.equal(processes.length, 1);
    assert.deepEqual(processes[0]?.slice(1, 3), [String(process.pid), String(process.ppid)]);
    assert.match(processes[0]?.[7] ?? '', /node/);
  });
});

describe('output of ps', () => {
  test('only the processes asked for, the last column whole', () => {
    const output = '    PID COMMAND\n      1 init\n     42 sleep  10 20\n     43 sh\n';
    assert.deepEqual(parsePsOutput(output, new Set([42, 43])), {
      titles: ['PID', 'COMMAND'],
      processes: [
        ['42', 'sleep 10 20'],
        ['43', 'sh'],
      ],
    });
  });

  test('threads stay with their process', () => {
    const output = 'PID LWP CMD\n1 - init\n- 1 -\n42 - sh\n- 42 -\n- 43 -\n';
    assert.deepEqual(parsePsOutput(output, new Set([42])).processes, [
      ['42', '-', 'sh'],
      ['-', '42', '-'],
      ['-', '43', '-'],
    ]);
  });

  test('ids that no argument can hold are not given to ps', () => {
    assert.equal(onlyPids([1, 22]), '-q1,22');
    const all = Array.from({ length: 25_000 }, (_, index) => index + 10_000);
    assert.equal(onlyPids(all), undefined);
    // The kernel agrees: what is given is taken.
    const most = onlyPids(all.slice(0, 21_844)) ?? '';
    assert.equal(spawnSync('true', [most]).status, 0);
    assert.equal((spawnSync('true', [`${most},1234567`]).error as NodeJS.ErrnoException).code, 'E2BIG');
  });

  test('docker’s sentence where there is no PID', () => {
    assert.throws(() => parsePsOutput('COMMAND\nsh\n', new Set([1])), {
      name: 'K3cError',
      message: "Couldn't find PID field in ps output",
    });
  });

  test('a column that is renamed to PID is refused', () => {
    assert.throws(
      () => checkPsOptions('-o comm=PID'),
      (error) => error instanceof K3cError && error.message === 'specifying "comm=PID" is not allowed',
    );
    for (const fine of ['-o pid=PID', 'aux', '-o pid,comm']) checkPsOptions(fine);
  });
});
