import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { EPOCH, type StatusSpec, statusOf } from '../../../../test/support/build-status.ts';
import { TextSink } from '../../../../test/support/text-sink.ts';
import { TailTerminal } from './tail-terminal.ts';
import { TtyDisplay } from './tty.ts';

afterEach(() => mock.timers.reset());

/** A display on a made-up terminal with a clock that only the test turns. */
class Rig {
  readonly size = { columns: 60, rows: 14 };
  readonly out = new TextSink();
  readonly display: TtyDisplay;
  readonly frames: string[] = [];
  readonly #terminal = new TailTerminal(100);
  listeners = 0;

  constructor(color = false) {
    mock.timers.enable({ apis: ['setInterval', 'Date'], now: EPOCH });
    const terminal = {
      size: () => this.size,
      onResize: () => {
        this.listeners++;
        return () => void this.listeners--;
      },
    };
    this.display = new TtyDisplay({ out: this.out, terminal, color });
  }

  /** Shows a message, and what is on the screen one refresh later. */
  show(spec: StatusSpec): string[] {
    this.display.update(statusOf(spec));
    mock.timers.tick(100);
    return this.screen();
  }

  screen(): string[] {
    const written = this.out.take();
    this.frames.push(written);
    this.#terminal.write(written);
    return this.#terminal.lines;
  }

  end(): string[] {
    this.display.done();
    mock.timers.reset();
    return this.screen();
  }
}

const line = (left: string, right: string) => left.padEnd(60 - right.length) + right;

test('steps, their times, progress and the last lines of output', () => {
  const rig = new Rig();
  const screen = rig.show({
    vertexes: [
      { digest: 'a', name: '[internal] load build context', started: 0, completed: 1500 },
      { digest: 'b', name: 'RUN make', started: 0 },
      { digest: 'c', name: 'not yet' },
    ],
    statuses: [{ vertex: 'a', id: 'transferring', current: 2_000_000, at: 0, started: 0, completed: 1500 }],
    logs: [{ vertex: 'b', at: 10, text: 'compiling\nlinking 10%\rlinking 20%' }],
  });
  assert.deepEqual(screen, [
    '[+] Building 0.1s (1/3)',
    line(' => [internal] load build context', '1.5s'),
    line(' => => transferring 2.00MB', '1.5s'),
    line(' => RUN make', '0.1s'),
    ' => => # compiling',
    ' => => # linking 20%',
  ]);
  const last = rig.show({
    vertexes: [
      { digest: 'b', name: 'RUN make', started: 0, completed: 200 },
      { digest: 'c', started: 0, completed: 0 },
    ],
  });
  assert.equal(last.at(-1), line(' => c', '0.0s'));
  const final = rig.end();
  assert.equal(final[0], '[+] Building 0.2s (3/3) FINISHED');
  assert.ok(!final.some((text) => text.includes('#')));
  assert.equal(rig.listeners, 0);
});

test('a frame is one write and only its changed lines are drawn again', () => {
  const rig = new Rig();
  rig.show({
    vertexes: [
      { digest: 'done', started: 0, completed: 1000 },
      { digest: 'runs', started: 0 },
    ],
  });
  mock.timers.tick(100);
  const second = rig.out.take();
  assert.ok(second.startsWith('\r\x1b[3A'), JSON.stringify(second));
  assert.ok(!second.includes('done') && second.includes('runs') && second.includes('0.2s'));
  rig.end();
});

test('what does not fit is left out, finished steps first', () => {
  const rig = new Rig();
  rig.size.rows = 8;
  const vertexes = Array.from({ length: 12 }, (_, i) => ({ digest: `s${i}`, started: i, completed: 1000 }));
  const screen = rig.show({ vertexes: [{ digest: 'first runs', started: 0 }, ...vertexes] });
  assert.deepEqual(
    screen.slice(1).map((text) => text.slice(4, 15).trim()),
    ['first runs', 's7', 's8', 's9', 's10', 's11'],
  );
  assert.equal(rig.end().length, 14);
});

test('no line is wider than the terminal, also with wide characters and after it shrank', () => {
  const rig = new Rig();
  const name = `RUN ${'漢字'.repeat(30)}`;
  rig.show({ vertexes: [{ digest: 'a', name, started: 0 }], logs: [{ vertex: 'a', at: 0, text: 'x'.repeat(500) }] });
  rig.size.columns = 40;
  mock.timers.tick(100);
  // A short headline, and two lines of 60 cells that take two rows each now.
  const frame = rig.out.take();
  const rows = Number.parseInt(frame.slice(3), 10);
  assert.ok(frame.startsWith(`\r\x1b[${rows}A\x1b[J`), JSON.stringify(frame));
  assert.equal(rows, 5);
  const lines = stripVTControlCharacters(frame).split('\r\n');
  for (const text of lines) assert.ok([...text].reduce((sum, char) => sum + (char > '\u2e80' ? 2 : 1), 0) <= 40, text);
  rig.end();
});

test('a failed step is red and its output is shown again; the cursor comes back', () => {
  const rig = new Rig(true);
  rig.show({
    vertexes: [{ digest: 'a', name: 'RUN a', started: 0 }],
    logs: [{ vertex: 'a', at: 20, text: '10%\r20%\nlast' }],
  });
  rig.show({ logs: [{ vertex: 'a', at: 30, text: ' words\n' }] });
  rig.show({ vertexes: [{ digest: 'a', name: 'RUN a', started: 0, completed: 50, error: 'exit code: 2' }] });
  const screen = rig.end();
  assert.deepEqual(screen.slice(-5), ['------', ' > RUN a:', '0.020 20%', '0.020 last words', '------']);
  const all = rig.frames.join('');
  assert.ok(all.includes('\x1b[31m => ERROR RUN a') && all.startsWith('\x1b[?25l') && all.includes('\x1b[?25h'));
});

test('the tail of a terminal: carriage returns, cursor movements, colours, pieces of sequences', () => {
  const tail = new TailTerminal(6);
  for (const piece of ['\x1b[31mth', 'ree\x1b', '[0m\nfour\n', 'a\rb\x1b[K\n', '\x1b]0;title\x07x\x1b[2D\by\tz'])
    tail.write(piece);
  assert.deepEqual(tail.lines, ['three', 'four', 'b', 'y       z']);
  const plain = new TailTerminal(2);
  plain.write('1\n2\n3\n4');
  assert.deepEqual(plain.lines, ['2', '3', '4']);
  const bar = new TailTerminal(6);
  bar.write('layer 1: 10%\nlayer 2: 10%\n\x1b[2A\x1b[2Klayer 1: 90%\x1b[2B\r');
  assert.deepEqual(bar.lines, ['layer 1: 90%', 'layer 2: 10%']);
});
