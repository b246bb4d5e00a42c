import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { plainView, progressBar, terminalView } from './transfer-view.ts';

function sink(): { output: Writable; text(): string } {
  let text = '';
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  return { output, text: () => text };
}

const layer = (id: string, status: string, current = 0n, total = 0n) => ({
  id,
  status,
  current,
  total,
  complete: false,
});

/** What a terminal shows after all this was written to it. */
function screen(text: string): string[] {
  const rows = [''];
  let row = 0;
  // The escape letter as one that a pattern may name.
  const marked = text.replaceAll('\u001b', '§');
  for (const [, up, down, clear, other = ''] of marked.matchAll(/§\[(\d+)A|§\[(\d+)B|(§\[2K)|([^§])/gs)) {
    if (up !== undefined) row -= Number(up);
    else if (down !== undefined) row += Number(down);
    else if (clear !== undefined) rows[row] = '';
    else if (other === '\n') rows[++row] ??= '';
    else if (other !== '\r') rows[row] += other;
  }
  return rows.map((line) => line.trimEnd());
}

test('without a terminal a layer has a line for each state, none for its progress', () => {
  const { output, text } = sink();
  const view = plainView(output);
  view.status('latest: Pulling from library/busybox');
  view.layer(layer('aaa', 'Pulling fs layer'));
  view.layer(layer('aaa', 'Downloading', 1n, 10n));
  view.layer(layer('aaa', 'Downloading', 5n, 10n));
  view.layer(layer('aaa', 'Download complete'));
  view.layer(layer('aaa', 'Download complete'));
  view.layer(layer('aaa', 'Pull complete'));
  view.end();
  assert.equal(
    text(),
    'latest: Pulling from library/busybox\naaa: Pulling fs layer\naaa: Download complete\naaa: Pull complete\n',
  );
});

describe('on a terminal', () => {
  test('layers are redrawn in their lines', () => {
    const { output, text } = sink();
    const view = terminalView(
      output,
      () => ({ columns: 120, rows: 24 }),
      () => 0,
    );
    view.status('latest: Pulling from x');
    view.layer(layer('aaa', 'Pulling fs layer'));
    view.layer(layer('bbb', 'Pulling fs layer'));
    view.layer(layer('aaa', 'Downloading', 500n, 1000n));
    view.layer(layer('aaa', 'Pull complete'));
    view.layer(layer('bbb', 'Downloading', 1_500_000n, 3_000_000n));
    view.end();
    view.status('Digest: sha256:1');
    assert.deepEqual(screen(text()), [
      'latest: Pulling from x',
      'aaa: Pull complete',
      'bbb: Downloading [=========================>                         ]    1.5MB/3MB',
      'Digest: sha256:1',
      '',
    ]);
  });

  test('progress is drawn only so often, the last of it always', () => {
    let now = 0;
    const { output, text } = sink();
    const view = terminalView(
      output,
      () => ({ columns: 80, rows: 24 }),
      () => now,
    );
    view.layer(layer('aaa', 'Downloading', 1n, 100n));
    for (let i = 2n; i < 50n; i++) view.layer(layer('aaa', 'Downloading', i, 100n));
    assert.equal(text().split('\n').length, 2);
    assert.ok(!text().includes('49B'));
    now = 1000;
    view.layer(layer('aaa', 'Downloading', 50n, 100n));
    assert.ok(text().includes('50B/100B'));
    view.layer(layer('aaa', 'Downloading', 60n, 100n));
    assert.ok(!text().includes('60B'));
    view.end();
    assert.deepEqual(screen(text()), ['aaa: Downloading      60B/100B', '']);
  });

  test('lines that have scrolled away are left alone', () => {
    const { output, text } = sink();
    const view = terminalView(
      output,
      () => ({ columns: 80, rows: 3 }),
      () => 0,
    );
    for (const id of ['a', 'b', 'c', 'd']) view.layer(layer(id, 'Waiting'));
    view.layer(layer('a', 'Pull complete'));
    assert.ok(!text().includes('a: Pull complete'));
    view.layer(layer('d', 'Pull complete'));
    assert.ok(text().includes('d: Pull complete'));
  });
});

test('bars are docker’s', () => {
  assert.equal(progressBar(0n, 0n, 120), '');
  assert.equal(progressBar(1_000_000n, 0n, 120), '     1MB');
  assert.equal(progressBar(20n, 10n, 120), '     20B');
  assert.equal(progressBar(50n, 100n, 80), '     50B/100B');
  assert.equal(progressBar(100n, 100n, 120), `[${'='.repeat(50)}>]     100B/100B`);
});
