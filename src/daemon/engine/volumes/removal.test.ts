import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLog } from '../../../host/log.ts';
import { bindMount, unmountDetached } from '../../../host/mount.ts';
import { openDatabase, type State } from '../../state/database.ts';
import { EventBus } from '../events/bus.ts';
import { adoptVolumes } from './adopt.ts';
import { finishRemovals, markRemoved, takeAway } from './removal.ts';

describe('removal of a volume', () => {
  let base: string;
  let state: State;
  let parts: { state: State; paths: { volumes: string }; events: EventBus; log: typeof silentLog };
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'k3c-volumes-'));
    state = openDatabase(':memory:');
    parts = { state, paths: { volumes: join(base, 'v') }, events: new EventBus(state.events), log: silentLog };
    mkdirSync(join(base, 'v'));
  });
  afterEach(() => {
    state.close();
    rmSync(base, { recursive: true });
  });
  const make = (name: string, record = true) => {
    mkdirSync(join(base, 'v', name, '_data'), { recursive: true });
    writeFileSync(join(base, 'v', name, '_data/file'), 'text');
    if (record) state.volumes.insert({ name, anonymous: false, labels: {}, options: {}, createdAt: 1n });
  };

  test('the name is free at once, and a new volume of it is empty', async () => {
    make('data');
    assert.equal(markRemoved(parts, 'data'), true);
    assert.equal(state.volumes.byName('data'), undefined);
    assert.equal(
      state.volumes.insert({ name: 'data', anonymous: false, labels: {}, options: {}, createdAt: 2n }),
      false,
    );
    const gone = takeAway(parts, 'data');
    assert.equal(existsSync(join(base, 'v/data')), false);
    assert.equal(
      state.volumes.insert({ name: 'data', anonymous: false, labels: {}, options: {}, createdAt: 2n }),
      true,
    );
    await gone;
    assert.deepEqual(readdirSync(join(base, 'v')), []);
    assert.equal(markRemoved(parts, 'nosuch'), false);
  });

  test('a name as long as one can be goes like another, and one that no directory can have goes from the state', async () => {
    const longest = 'a'.repeat(255);
    make(longest);
    state.volumes.insert({ name: 'b'.repeat(300), anonymous: false, labels: {}, options: {}, createdAt: 1n });
    for (const name of [longest, 'b'.repeat(300)]) {
      assert.equal(markRemoved(parts, name), true);
      await takeAway(parts, name);
    }
    assert.deepEqual(state.volumes.removed(), []);
    assert.deepEqual(readdirSync(join(base, 'v')), []);
  });

  test('a daemon that died after the row was marked, or while files were deleted, goes on', async () => {
    make('marked');
    make('kept');
    make('.removed-older.0123', false);
    markRemoved(parts, 'marked');
    await finishRemovals(parts);
    assert.deepEqual(readdirSync(join(base, 'v')), ['kept']);
    assert.deepEqual(state.volumes.removed(), []);
    assert.deepEqual(
      state.volumes.list().map(({ name }) => name),
      ['kept'],
    );
  });

  test('a volume that no row knows is one again; what is being removed, and what is none, is not', async () => {
    make('lost', false);
    make('a'.repeat(64), false);
    make('marked');
    markRemoved(parts, 'marked');
    make('.removed-older.0123', false);
    mkdirSync(join(base, 'v/no-data'));
    assert.deepEqual(new Set(await adoptVolumes(parts)), new Set(['a'.repeat(64), 'lost']));
    assert.equal(state.volumes.byName('lost')?.anonymous, false);
    assert.equal(state.volumes.byName('a'.repeat(64))?.anonymous, true);
    assert.deepEqual(await adoptVolumes(parts), []);
  });

  test('what is mounted in it keeps its files', {
    skip: process.getuid?.() !== 0 && 'only root may mount',
  }, async () => {
    make('data');
    const elsewhere = join(base, 'elsewhere');
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'precious'), 'x');
    mkdirSync(join(base, 'v/data/_data/sub'));
    for (const point of ['_data/sub', '_data']) bindMount(elsewhere, join(base, 'v/data', point));
    try {
      markRemoved(parts, 'data');
      await takeAway(parts, 'data');
    } finally {
      for (const name of readdirSync(join(base, 'v'))) unmountDetached(join(base, 'v', name, '_data'));
    }
    assert.deepEqual(readdirSync(elsewhere), ['precious']);
    assert.deepEqual(readdirSync(join(base, 'v')), []);
  });
});
