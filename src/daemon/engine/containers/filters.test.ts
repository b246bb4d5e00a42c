import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, K3cError } from '../../../api/errors.ts';
import { type Filters, selectContainers } from './filters.ts';
import type { ResolvedImage } from './image-config.ts';
import { descendants } from './list.ts';
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

const find = (reference: string) => {
  const found = all.find(({ name }) => name === reference);
  if (found === undefined) throw new Error(`No such container: ${reference}`);
  return found;
};
const health = (record: { readonly name: string }) => (record.name === 'web' ? 'healthy' : 'none');

const select = (filters: Filters, options: { all?: boolean; last?: number } = {}) =>
  selectContainers(all, { all: options.all ?? true, last: options.last ?? 0, filters }, { find, health }).map(
    ({ name }) => name,
  );

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
    [{ publish: ['80'] }, []],
    [{ publish: ['80'], expose: ['80'] }, ['web']],
    [{ expose: ['53/udp'] }, ['web']],
    [{ before: ['db-main'] }, ['fresh', 'again']],
    [{ since: ['db-main'] }, ['web']],
    [{ network: ['host'] }, ['fresh']],
    [{ network: ['bridge'] }, ['web', 'db-main', 'again']],
    [{ 'is-task': ['true'] }, []],
    [{ 'is-task': ['false', '0'], health: ['healthy'], name: ['web'] }, ['web']],
    [{ health: ['none', 'starting'] }, ['db-main', 'fresh', 'again']],
    [{ name: ['web'], status: ['exited'] }, []],
  ] as const satisfies readonly (readonly [Filters, readonly string[]])[])
    assert.deepEqual(select(filters), expected, JSON.stringify(filters));
});

test('a status is asked for in all states', () => {
  assert.deepEqual(select({ status: ['exited'] }, { all: false }), ['db-main']);
});

test('docker’s sentences for what it refuses', () => {
  const cases: [filters: Filters, message: string][] = [
    [{ colour: ['red'] }, `invalid filter 'colour'`],
    [
      { status: ['asleep'] },
      `invalid filter 'status=asleep': invalid value for state (asleep): must be one of created, running, paused, restarting, removing, exited, dead`,
    ],
    [
      { health: ['well'] },
      `invalid filter 'health=well': invalid value for health (well): must be one of none, starting, healthy, unhealthy`,
    ],
    [{ exited: ['x'] }, `invalid filter 'exited=x': strconv.Atoi: parsing "x": invalid syntax`],
    [{ 'is-task': ['x'] }, `invalid filter 'is-task=[x]'`],
    [{ 'is-task': ['0', '1'] }, `invalid filter 'is-task=[0 1]'`],
    [{ publish: ['x'] }, 'error while looking up for publish x: strconv.ParseUint: parsing "x": invalid syntax'],
    [
      { publish: ['99999'] },
      'error while looking up for publish 99999: strconv.ParseUint: parsing "99999": value out of range',
    ],
    [{ expose: [''] }, 'error while looking up for expose : empty string specified for ports'],
    [{ expose: ['9-8'] }, 'error while looking up for expose 9-8: invalid range specified for port: 9-8'],
    [{ publish: ['80:80'] }, `filter for 'publish' should not contain ':': 80:80`],
    [{ before: ['nosuch'] }, 'No such container: nosuch'],
  ];
  for (const [filters, message] of cases) assert.throws(() => select(filters), { message });
});

test('an image that is built on another has it as ancestor', async () => {
  const images = {
    resolve: (name: string) => {
      const known: Record<string, ResolvedImage> = {
        base: { id: 'sha256:base', reference: 'base', config: {}, chainId: 'c1', layers: ['c1'] },
        [db.imageId]: { id: db.imageId, reference: 'db', config: {}, chainId: 'c2', layers: ['c1', 'c2'] },
        [web.imageId]: { id: web.imageId, reference: 'web', config: {}, chainId: 'c9', layers: ['c9'] },
      };
      const found = known[name];
      return found === undefined ? Promise.reject(new K3cError(Code.NOT_FOUND, name)) : Promise.resolve(found);
    },
  };
  const descends = await descendants(images, ['base', 'none'], all);
  assert.deepEqual(
    selectContainers(
      all,
      { all: true, last: 0, filters: { ancestor: ['base', 'none'] } },
      { find, health, descends },
    ).map(({ name }) => name),
    ['db-main'],
  );
});
