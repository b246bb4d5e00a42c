import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Filters, selectContainers } from './filters.ts';
import { sampleRecord } from './samples.ts';

const base = sampleRecord();
const web = sampleRecord({
  id: 'a1'.repeat(32),
  name: 'web',
  state: 'running',
  createdAt: 3n,
  config: { ...base.config, labels: { tier: 'front', x: '' }, exposedPorts: ['80/tcp', '53/udp'] },
  ports: [{ hostIp: '', hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
});
const db = sampleRecord({
  id: 'a2'.repeat(32),
  name: 'db-main',
  state: 'exited',
  exitCode: 3,
  createdAt: 2n,
  imageId: `sha256:${'2'.repeat(64)}`,
  imageRef: 'docker.io/me/db:1',
  spec: { ...base.spec, image: 'me/db:1' },
  config: {
    ...base.config,
    mounts: [
      {
        type: 'volume',
        source: 'data',
        target: '/var/db',
        readOnly: false,
        propagation: '',
        volume: 'data',
        anonymous: false,
      },
    ],
  },
});
const fresh = sampleRecord({
  id: 'b1'.repeat(32),
  name: 'fresh',
  state: 'created',
  createdAt: 1n,
  startedAt: 0n,
  spec: { ...base.spec, networkMode: 'host' },
});
const again = sampleRecord({ id: 'b2'.repeat(32), name: 'again', state: 'restarting', createdAt: 0n });
const all = [web, db, fresh, again];

const select = (filters: Filters, options: { all?: boolean; last?: number } = {}) =>
  selectContainers(all, { all: options.all ?? true, last: options.last ?? 0, filters }, (reference) => {
    const found = all.find(({ name }) => name === reference);
    if (found === undefined) throw new Error(`No such container: ${reference}`);
    return found;
  }).map(({ name }) => name);

test('without -a what runs; -n counts from the newest, whatever the state', () => {
  assert.deepEqual(select({}, { all: false }), ['web', 'again']);
  assert.deepEqual(select({}, { all: false, last: 2 }), ['web', 'db-main']);
});

test('each filter of docker', () => {
  for (const [filters, expected] of [
    [{ id: ['a1'] }, ['web']],
    [{ name: ['db'] }, ['db-main']],
    [{ name: ['^/web$'] }, ['web']],
    [{ name: ['^eb'] }, []],
    [{ name: ['web', 'fresh'] }, ['web', 'fresh']],
    [{ name: ['('] }, []],
    [{ label: ['tier'] }, ['web']],
    [{ label: ['tier=front', 'x='] }, ['web']],
    [{ label: ['tier=back'] }, []],
    [{ status: ['exited', 'created'] }, ['db-main', 'fresh']],
    [{ exited: ['3'] }, ['db-main']],
    [{ exited: ['0'] }, []],
    [{ ancestor: ['busybox'] }, ['web', 'fresh', 'again']],
    [{ ancestor: ['me/db:1'] }, ['db-main']],
    [{ ancestor: ['222222222222'] }, ['db-main']],
    [{ volume: ['data'] }, ['db-main']],
    [{ volume: ['/var/db'] }, ['db-main']],
    [{ publish: ['8080'] }, ['web']],
    [{ publish: ['8000-9000/tcp'] }, ['web']],
    [{ publish: ['8080/udp'] }, []],
    [{ expose: ['53/udp'] }, ['web']],
    [{ before: ['db-main'] }, ['fresh', 'again']],
    [{ since: ['db-main'] }, ['web']],
    [{ network: ['host'] }, ['fresh']],
    [{ network: ['bridge'] }, ['web', 'db-main', 'again']],
    [{ 'is-task': ['true'] }, []],
    [{ name: ['web'], status: ['exited'] }, []],
  ] as const satisfies readonly (readonly [Filters, readonly string[]])[])
    assert.deepEqual(select(filters), expected, JSON.stringify(filters));
});

test('a status is asked for in all states', () => {
  assert.deepEqual(select({ status: ['exited'] }, { all: false }), ['db-main']);
});

test('what docker refuses', () => {
  assert.throws(() => select({ status: ['asleep'] }), { message: `invalid filter 'status=asleep'` });
  assert.throws(() => select({ colour: ['red'] }), { message: `invalid filter 'colour'` });
  assert.throws(() => select({ exited: ['x'] }), { message: `invalid filter 'exited=x'` });
  assert.throws(() => select({ publish: ['x'] }), { message: `invalid filter 'publish=x'` });
  assert.throws(() => select({ before: ['nosuch'] }), /No such container: nosuch/);
});
