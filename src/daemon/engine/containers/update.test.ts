import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Code, K3cError } from '../../../api/errors.ts';
import { silentLog } from '../../../host/log.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import { openDatabase } from '../../state/database.ts';
import { NO_RESOURCES } from '../../state/spec.ts';
import type { EngineContext } from './context.ts';
import { KeyedMutex } from './keyed-mutex.ts';
import { sampleRecord, sampleSpec } from './samples.ts';
import { updateContainer } from './update.ts';

const MB = 1 << 20;
const SPEC = {
  process: { args: [], cwd: '/', user: { uid: 0, gid: 0 } },
  mounts: [],
  linux: { resources: { devices: [] } },
};

/** A container that may run, and what containerd is told of it. */
function setUp(t: TestContext, running: boolean, refusal?: K3cError) {
  const state = openDatabase(':memory:');
  t.after(() => state.close());
  const record: ContainerRecord = sampleRecord({
    criId: 'c0',
    spec: sampleSpec({ resources: { ...NO_RESOURCES, memoryBytes: 64 * MB, memorySwapBytes: 128 * MB } }),
  });
  state.containers.insert(record);
  const told: unknown[] = [];
  const emitted: string[] = [];
  let stored: unknown;
  const context = {
    state,
    locks: new KeyedMutex(),
    live: new Map(running ? [[record.id, { id: record.id, criId: 'c0' }]] : []),
    log: silentLog,
    containerd: {
      tasks: {
        update: async ({ resources }: { resources: { value: Buffer } }) => {
          told.push(JSON.parse(resources.value.toString()));
          if (refusal !== undefined && told.length === 1) throw refusal;
        },
      },
      containers: {
        get: () => Promise.resolve({ container: { spec: { typeUrl: 't', value: Buffer.from(JSON.stringify(SPEC)) } } }),
        update: async ({ container }: { container: { spec: { value: Buffer } } }) => {
          stored = JSON.parse(container.spec.value.toString());
        },
      },
    },
    emit: (_of: ContainerRecord, action: string) => void emitted.push(action),
  } as unknown as EngineContext;
  return {
    told,
    stored: () => stored,
    update: (over: object, ref = record.id) =>
      updateContainer(context, ref, { resources: { ...NO_RESOURCES, ...over } }),
    spec: () => state.containers.byId(record.id)?.spec.resources,
    events: () => emitted,
  };
}

test('the whole set goes to what runs, to its specification and to the row', async (t) => {
  const { update, told, stored, spec, events } = setUp(t, true);
  assert.deepEqual(await update({ cpuShares: 300, pidsLimit: -1 }), []);
  const limits = { memory: { limit: 64 * MB, swap: 128 * MB }, cpu: { shares: 300 }, pids: { limit: -1 } };
  assert.deepEqual(told, [limits]);
  assert.deepEqual(stored(), { ...SPEC, linux: { resources: { devices: [], ...limits } } });
  assert.deepEqual([spec()?.cpuShares, spec()?.pidsLimit, spec()?.memoryBytes], [300, 0, 64 * MB]);
  assert.deepEqual(events(), ['update']);
});

test('what does not run is only recorded', async (t) => {
  const { update, told, spec, events } = setUp(t, false);
  await update({ cpuShares: 300 });
  assert.deepEqual([told, spec()?.cpuShares, events()], [[], 300, ['update']]);
});

test('limits that the kernel refuses are taken back, and nothing is recorded', async (t) => {
  const words = '/engine/bin/runc did not terminate successfully: exit status 1: unable to set memory limit\n\n';
  const { update, told, spec, events } = setUp(t, true, new K3cError(Code.UNKNOWN, words));
  await assert.rejects(update({ memoryBytes: 8 * MB }), {
    message: `Cannot update container ${'ab'.repeat(32)}: runc did not terminate successfully: exit status 1: unable to set memory limit`,
  });
  assert.deepEqual(told, [
    { memory: { limit: 8 * MB, swap: 128 * MB } },
    { memory: { limit: 64 * MB, swap: 128 * MB }, pids: { limit: -1 } },
  ]);
  assert.deepEqual([spec()?.memoryBytes, events()], [64 * MB, []]);
});

test('one that ended meanwhile has its limits at the next start', async (t) => {
  const { update, spec } = setUp(t, true, new K3cError(Code.NOT_FOUND, 'no such process'));
  await update({ memoryBytes: 8 * MB });
  assert.equal(spec()?.memoryBytes, 8 * MB);
});

test('a container that is not there', async (t) => {
  const { update } = setUp(t, false);
  await assert.rejects(update({ cpuShares: 3 }, 'nope'), { message: 'No such container: nope', code: Code.NOT_FOUND });
});
