import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { K3cError } from '../../api/errors.ts';
import { sampleSpec } from '../engine/containers/samples.ts';
import type { ContainerRecord } from './containers.ts';
import { openDatabase } from './database.ts';
import { EventStore } from './events.ts';
import { migrations } from './migrations/all.ts';

const directory = mkdtempSync(join(tmpdir(), 'k3c-state-'));
after(() => rmSync(directory, { recursive: true }));

function sample(id: string, name: string): ContainerRecord {
  return {
    id,
    name,
    spec: sampleSpec({ command: ['echo', 'a b'], labels: { a: 'b' } }),
    config: {
      entrypoint: [],
      command: ['echo', 'a b'],
      env: [],
      workingDir: '/',
      user: '',
      hostname: 'h',
      labels: {},
      exposedPorts: [],
      mounts: [],
      stopSignal: 'SIGTERM',
    },
    imageId: 'sha256:1',
    imageRef: 'docker.io/library/busybox:latest',
    createdAt: 1_790_000_000_123_456_789n,
    logPath: '/l',
    state: 'created',
    attempt: -1,
    sandboxId: '',
    criId: '',
    pid: 0,
    startedAt: 0n,
    finishedAt: 0n,
    exitCode: 0,
    oomKilled: false,
    error: '',
    restartCount: 0,
    restartDelayMs: 0,
    manualStop: false,
    restartAsked: null,
    ports: [],
    ip: '',
    endpoints: [],
  };
}

test('a container reads back as it was written, nanoseconds included, also after reopening', () => {
  const path = join(directory, 'a.db');
  const state = openDatabase(path);
  const record = sample('ab'.repeat(32), 'web');
  state.containers.insert(record);
  assert.deepEqual(state.containers.byId(record.id), record);
  const changes = {
    state: 'exited',
    exitCode: 137,
    oomKilled: true,
    finishedAt: 1_790_000_000_999_999_999n,
    ports: [{ hostIp: '', hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
  } as const;
  assert.equal(state.containers.update(record.id, changes), true);
  state.close();
  const again = openDatabase(path);
  assert.deepEqual(again.containers.byName('web'), { ...record, ...changes });
  assert.equal(again.containers.delete(record.id), true);
  assert.equal(again.containers.update(record.id, { pid: 1 }), false);
  again.close();
});

test('a taken name is refused in docker words and names the holder', () => {
  const state = openDatabase(':memory:');
  state.containers.insert(sample('aa'.repeat(32), 'web'));
  assert.throws(
    () => state.containers.insert(sample('bb'.repeat(32), 'web')),
    (error: K3cError) =>
      error.reason === 'name-in-use' &&
      error.message ===
        `Conflict. The container name "/web" is already in use by container "${'aa'.repeat(32)}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
  state.close();
});

test('id prefixes find at most two', () => {
  const state = openDatabase(':memory:');
  for (const [index, id] of ['aa1', 'aa2', 'aaf', 'b00'].entries()) state.containers.insert(sample(id, `n${index}`));
  assert.deepEqual(
    state.containers.byIdPrefix('aaf').map(({ id }) => id),
    ['aaf'],
  );
  assert.equal(state.containers.byIdPrefix('aa').length, 2);
  assert.equal(state.containers.byIdPrefix('c').length, 0);
  state.close();
});

test('a transaction that throws leaves nothing', () => {
  const state = openDatabase(':memory:');
  assert.throws(() =>
    state.transaction(() => {
      state.containers.insert(sample('aa', 'web'));
      throw new Error('no');
    }),
  );
  assert.equal(state.containers.list().length, 0);
  state.close();
});

test('events keep docker fields, come back in order, and are capped', () => {
  const database = new Sqlite(':memory:');
  for (const { sql } of migrations) database.exec(sql);
  const events = new EventStore(database, 3);
  for (let i = 1n; i <= 5n; i++)
    events.append({ type: 'container', action: `a${i}`, actor: 'x', attributes: { name: 'web' }, timeNano: i });
  assert.deepEqual(
    events.range(0n, 10n).map(({ action }) => action),
    ['a3', 'a4', 'a5'],
  );
  assert.deepEqual(events.range(4n, 4n)[0]?.attributes, { name: 'web' });
  database.close();
});

test('a volume that is there stays as it is', () => {
  const state = openDatabase(':memory:');
  assert.equal(
    state.volumes.insert({ name: 'v', anonymous: false, options: {}, labels: { a: 'b' }, createdAt: 5n }),
    true,
  );
  assert.equal(
    state.volumes.insert({ name: 'v', anonymous: true, options: { type: 'tmpfs' }, labels: {}, createdAt: 6n }),
    false,
  );
  assert.deepEqual(state.volumes.byName('v'), {
    name: 'v',
    anonymous: false,
    options: {},
    labels: { a: 'b' },
    createdAt: 5n,
  });
  state.close();
});

test('the state of a newer k3c is refused', () => {
  const path = join(directory, 'new.db');
  const database = new Sqlite(path);
  database.pragma('user_version = 999');
  database.close();
  assert.throws(
    () => openDatabase(path),
    (error) => error instanceof K3cError && /version 999/.test(error.message),
  );
});

test('nobody else can read what containers were given, in a new file or in one that was open to all', () => {
  for (const name of ['fresh.db', 'open.db']) {
    const path = join(directory, name);
    if (name === 'open.db') writeFileSync(path, '', { mode: 0o644 });
    const state = openDatabase(path);
    state.containers.insert(sample('c'.repeat(64), 'web'));
    for (const file of [path, `${path}-wal`, `${path}-shm`]) assert.equal(statSync(file).mode & 0o777, 0o600, file);
    state.close();
  }
});

test('a change that is taken back is not read as if it had been made', () => {
  const state = openDatabase(join(directory, 'back.db'));
  const [one, two] = [sample('1'.repeat(64), 'one'), sample('2'.repeat(64), 'two')];
  state.containers.insert(one);
  const names = () => state.containers.list().map(({ name }) => name);
  assert.deepEqual(names(), ['one']);
  assert.throws(() =>
    state.transaction(() => {
      state.containers.update(one.id, { name: 'changed' });
      state.containers.insert(two);
      assert.deepEqual(names().toSorted(), ['changed', 'two']);
      assert.equal(state.containers.byId(one.id)?.name, 'changed');
      throw new Error('back');
    }),
  );
  assert.deepEqual(names(), ['one']);
  assert.equal(state.containers.byId(one.id)?.name, 'one');
  assert.equal(state.containers.byId(two.id), undefined);
  state.containers.update(one.id, { name: 'new' });
  assert.deepEqual(names(), ['new']);
  state.containers.delete(one.id);
  assert.deepEqual(names(), []);
  state.close();
});
