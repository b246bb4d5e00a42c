import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EPOCH, type StatusSpec, statusOf } from '../../../../test/support/build-status.ts';
import { TextSink } from '../../../../test/support/text-sink.ts';
import { PlainDisplay } from './plain.ts';

/** What is printed for messages that come at these milliseconds. */
function print(messages: readonly (readonly [at: number, status: StatusSpec])[]): string {
  let now = EPOCH;
  const out = new TextSink();
  const display = new PlainDisplay(out, () => now);
  for (const [at, status] of messages) {
    now = EPOCH + at;
    display.update(statusOf(status));
  }
  now += 1000;
  display.done();
  return out.take();
}

test('a step that runs and one that is cached', () => {
  const text = print([
    [
      0,
      {
        vertexes: [
          { digest: 'a', name: '[1/2] FROM x', started: 0, completed: 0, cached: true },
          { digest: 'b', name: '[2/2] RUN y' },
        ],
      },
    ],
    [200, { vertexes: [{ digest: 'b', name: '[2/2] RUN y', started: 100 }] }],
    [400, { logs: [{ vertex: 'b', at: 300, text: 'one\ntw' }] }],
    [600, { logs: [{ vertex: 'b', at: 500, text: 'o\n' }] }],
    [2000, { vertexes: [{ digest: 'b', name: '[2/2] RUN y', started: 100, completed: 1600 }] }],
  ]);
  assert.equal(
    text,
    `#1 [1/2] FROM x
#1 CACHED

#2 [2/2] RUN y
#2 0.200 one
#2 0.200 two
#2 DONE 1.5s
`,
  );
});

test('a step that failed shows its last lines again, one that was canceled with it does not', () => {
  const lines = Array.from({ length: 12 }, (_, i) => `line ${i}\n`).join('');
  const text = print([
    [0, { vertexes: [{ digest: 'a', name: 'RUN a', started: 0 }] }],
    [100, { logs: [{ vertex: 'a', at: 100, text: lines }] }],
    [
      300,
      {
        vertexes: [
          { digest: 'a', name: 'RUN a', started: 0, completed: 250, error: 'exit code: 1' },
          { digest: 'b', name: 'RUN b', started: 0, completed: 260, error: 'context canceled: context canceled' },
        ],
      },
    ],
  ]);
  const tail = text.slice(text.indexOf('#1 ERROR'));
  const last = Array.from({ length: 10 }, (_, i) => `0.100 line ${i + 2}`).join('\n');
  assert.equal(tail, `#1 ERROR: exit code: 1\n\n#2 RUN b\n#2 CANCELED\n------\n > RUN a:\n${last}\n------\n`);
});

test('lines of steps that run at once come in blocks, and an unfinished line begins anew', () => {
  const started = [
    { digest: 'a', name: 'RUN a', started: 0 },
    { digest: 'b', name: 'RUN b', started: 0 },
  ];
  const text = print([
    [0, { vertexes: started }],
    [500, { logs: [{ vertex: 'a', at: 500, text: 'unfinished' }] }],
    [1000, { vertexes: [{ digest: 'b', name: 'RUN b', started: 0, completed: 1000 }] }],
    [1500, { logs: [{ vertex: 'a', at: 1500, text: ' business\n' }] }],
    [2000, { vertexes: [{ digest: 'a', name: 'RUN a', started: 0, completed: 2000 }] }],
  ]);
  assert.equal(
    text,
    `#1 RUN a
#1 0.500 unfinished
#1 ...

#2 RUN b
#2 DONE 1.0s

#1 RUN a
#1 0.500 unfinished business
#1 DONE 2.0s
`,
  );
});

test('progress is printed when it got somewhere; a step with open progress is not done yet', () => {
  const vertex = { digest: 'a', name: 'exporting', started: 0 };
  const layer = { vertex: 'a', id: 'layer', total: 1_000_000, started: 0 };
  const text = print([
    [0, { vertexes: [vertex], statuses: [{ ...layer, current: 100_000, at: 100 }] }],
    [200, { statuses: [{ ...layer, current: 120_000, at: 200 }] }],
    [400, { statuses: [{ ...layer, current: 500_000, at: 400 }] }],
    [600, { statuses: [{ ...layer, current: 1_000_000, at: 600, completed: 600 }] }],
    [800, { vertexes: [{ ...vertex, completed: 700 }] }],
  ]);
  assert.equal(
    text,
    `#1 exporting
#1 layer 100.00kB / 1.00MB 0.1s
#1 layer 500.00kB / 1.00MB 0.4s
#1 layer 1.00MB / 1.00MB 0.6s done
#1 DONE 0.7s
`,
  );
});

test('a lookup in the cache and the run are one step; times do not count what overlaps twice', () => {
  const text = print([
    [0, { vertexes: [{ digest: 'a', name: 'RUN a', started: 0, completed: 100 }] }],
    [300, { vertexes: [{ digest: 'a', name: 'RUN a', started: 50 }] }],
    [2000, { vertexes: [{ digest: 'a', name: 'RUN a', started: 50, completed: 1100 }] }],
  ]);
  assert.match(text, /#1 DONE 1\.1s\n$/);
});

test('a group is one step, hidden while nothing of it but its weak members ran', () => {
  const group = { id: 'g', name: '[2/2] COPY --link' };
  const text = print([
    [0, { vertexes: [{ digest: 'w', started: 0, completed: 10, group: { ...group, weak: true } }] }],
    [200, { vertexes: [{ digest: 'x', started: 100, completed: 150, group }] }],
    [400, { vertexes: [{ digest: 'y', started: 150, completed: 350, group }] }],
  ]);
  assert.equal(text.replace(/DONE.*/g, 'DONE'), `#1 [2/2] COPY --link\n#1 DONE\n\n#1 [2/2] COPY --link\n#1 DONE\n`);
});

test('warnings are printed once', () => {
  const text = print([
    [0, { vertexes: [{ digest: 'a', started: 0 }], warnings: [{ vertex: 'a', short: 'Casing (line 1)' }] }],
    [300, { vertexes: [{ digest: 'a', started: 0, completed: 200 }] }],
  ]);
  assert.equal(text, '#1 a\n#1 WARN: Casing (line 1)\n#1 DONE 0.2s\n');
});
