import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, K3cError } from '../../api/errors.ts';
import { ContainerCreate } from '../../api/gen/events/container.ts';
import { Status } from '../../api/gen/types/task/task.ts';
import { silentLog } from '../../host/log.ts';
import type { Containerd } from './containerd.ts';
import { ForgottenSteps } from './forgotten-build-steps.ts';

const QUIET_MS = 60;
const LOOK_MS = 1;
const id = (letter: string) => letter.repeat(25);

/** A containerd with these containers, of which some have a task; it tells of each that is made. */
function rig(tasks: Readonly<Record<string, Status>>, createdAt = 1n) {
  const names = ['bare', 'made', 'ended', 'running', 'paused'];
  const ids = new Map(names.map((name, i) => [name, id('abcde'[i] ?? '')]));
  const there = new Map(names.map((name) => [ids.get(name) ?? '', name]));
  const told = Promise.withResolvers<void>();
  const lost = Promise.withResolvers<boolean>();
  const rig = {
    isUsed: true,
    now: 1000,
    looks: 0,
    there,
    tell: told.resolve,
    lose: () => lost.resolve(true),
    deleted: [] as string[],
  };
  const missing = () => Promise.reject(new K3cError(Code.NOT_FOUND, 'not found'));
  const spec = (key: string) => ({
    typeUrl: '',
    value: Buffer.from(JSON.stringify({ linux: { cgroupsPath: `/k3c/build/buildkit/${key}` } })),
  });
  let listed = 0;
  let subscribed = 0;
  const containerd = {
    containers: {
      list: async ({ filters }: { filters: string[] }) => {
        assert.deepEqual(filters, ['id~="^[a-z0-9]{25}$"']);
        // Nothing was there when the daemon began to follow.
        if (listed++ === 0) return { containers: [] };
        const steps = [...there.keys()].map((key) => ({
          id: key,
          spec: spec(key),
          createdAt: { seconds: createdAt, nanos: 0 },
        }));
        return { containers: [...steps, { id: id('z'), spec: { typeUrl: '', value: Buffer.from('{}') } }] };
      },
      delete: async ({ id: key }: { id: string }) => {
        rig.deleted.push(there.get(key) ?? key);
        there.delete(key);
      },
    },
    tasks: {
      get: ({ containerId }: { containerId: string }) => {
        const status = tasks[there.get(containerId) ?? ''];
        return status === undefined ? missing() : Promise.resolve({ process: { status } });
      },
      kill: ({ containerId }: { containerId: string }) =>
        there.get(containerId) === 'ended' ? missing() : Promise.resolve({}),
      wait: async () => ({}),
      delete: async ({ containerId }: { containerId: string }) =>
        void rig.deleted.push(`task ${there.get(containerId)}`),
    },
    events: {
      async *subscribe(_request: unknown, { signal }: { signal: AbortSignal }) {
        if (subscribed++ === 0 && (await Promise.race([told.promise, lost.promise])) === true)
          throw new K3cError(Code.UNAVAILABLE, 'away');
        await told.promise;
        const value = ContainerCreate.encode(ContainerCreate.fromPartial({ id: ids.get('bare') ?? '' })).finish();
        yield { topic: '/containers/create', event: { typeUrl: '', value } };
        await sleep(60_000, undefined, { signal, ref: false });
      },
    },
  } as unknown as Containerd;
  const over = new AbortController();
  const steps = new ForgottenSteps({
    containerd,
    isUsed: () => {
      rig.looks++;
      return rig.isUsed;
    },
    now: () => rig.now,
    log: silentLog,
    quietMs: QUIET_MS,
    lookMs: LOOK_MS,
  });
  const following = steps.follow(over.signal);
  return Object.assign(rig, {
    /** Lets time go by, and waits until it was looked whether anybody builds, and what was found is done. */
    async pass(ms: number) {
      rig.now += ms;
      for (const looks = rig.looks; rig.looks < looks + 2; ) await sleep(1);
    },
    async [Symbol.asyncDispose]() {
      over.abort();
      rig.tell();
      await following;
    },
  });
}

const STATES = { made: Status.CREATED, ended: Status.STOPPED, running: Status.RUNNING, paused: Status.PAUSED } as const;

test('what has not started goes when nobody builds any more; what runs stays, and so do others', async () => {
  await using lab = rig(STATES);
  lab.tell();
  await lab.pass(QUIET_MS * 9);
  assert.deepEqual(lab.deleted, [], 'somebody builds');
  lab.isUsed = false;
  await lab.pass(QUIET_MS * 9);
  await lab.pass(QUIET_MS - 1);
  assert.deepEqual(lab.deleted, [], 'BuildKit may be at it');
  await lab.pass(1);
  assert.deepEqual(lab.deleted, ['bare', 'task made', 'made', 'task ended', 'ended']);
  assert.deepEqual([...lab.there.values()], ['running', 'paused']);
});

test('a pause between two builds is too short', async () => {
  await using lab = rig(STATES);
  lab.tell();
  for (let turn = 0; turn < 8; turn++) {
    lab.isUsed = turn % 2 === 0;
    await lab.pass(0);
    await lab.pass(QUIET_MS - 1);
  }
  assert.deepEqual(lab.deleted, []);
});

test('a step that was made since stays', async () => {
  await using lab = rig(STATES, BigInt(Math.ceil(Date.now() / 1000) + 60));
  lab.tell();
  lab.isUsed = false;
  for (let turn = 0; turn < 3; turn++) await lab.pass(QUIET_MS);
  assert.deepEqual(lab.deleted, []);
});

test('without steps nothing is looked for, and at the end nothing is any more', async () => {
  const lab = rig(STATES);
  await sleep(LOOK_MS * 20);
  assert.equal(lab.looks, 0);
  lab.tell();
  await lab.pass(0);
  await lab[Symbol.asyncDispose]();
  const { looks } = lab;
  await sleep(LOOK_MS * 20);
  assert.equal(lab.looks, looks);
});

test('containerd was away: it is asked anew which steps there are', async () => {
  await using lab = rig(STATES);
  lab.isUsed = false;
  lab.lose();
  await lab.pass(0);
  await lab.pass(QUIET_MS);
  assert.deepEqual(lab.deleted, ['bare', 'task made', 'made', 'task ended', 'ended']);
});
