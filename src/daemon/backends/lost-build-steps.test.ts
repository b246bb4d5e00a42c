import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, K3cError } from '../../api/errors.ts';
import { Status } from '../../api/gen/types/task/task.ts';
import type { Containerd } from './containerd.ts';
import { removeLostBuildSteps } from './lost-build-steps.ts';

const STEP = 'o7lu43skgfp2wmtw7ohtf5asb';
const DONE = 'a7lu43skgfp2wmtw7ohtf5asb';
const ENDED = 'e7lu43skgfp2wmtw7ohtf5asb';

test('steps are killed and removed, what else is in the namespace stays', async () => {
  const acts: string[] = [];
  const spec = (cgroupsPath: string) => ({
    typeUrl: '',
    value: Buffer.from(JSON.stringify({ linux: { cgroupsPath } })),
  });
  let ended = false;
  const containerd = {
    containers: {
      list: async () => ({
        containers: [
          { id: STEP, spec: spec(`/k3c/build/buildkit/${STEP}`) },
          { id: DONE, spec: spec(`k3c-build.slice:buildkit:${DONE}`) },
          { id: ENDED, spec: spec(`/k3c/build/buildkit/${ENDED}`) },
          { id: 'z7lu43skgfp2wmtw7ohtf5asb', spec: spec('/default/z7lu43skgfp2wmtw7ohtf5asb') },
          { id: `early${'x'.repeat(20)}`, spec: undefined },
          { id: 'f'.repeat(64), spec: { typeUrl: '', value: Buffer.from('not JSON') } },
        ],
      }),
      delete: async ({ id }: { id: string }) => void acts.push(`remove ${id}`),
    },
    tasks: {
      kill: async ({ containerId, signal }: { containerId: string; signal: number }) => {
        if (containerId !== STEP) throw new K3cError(Code.NOT_FOUND, 'no task, or no process');
        acts.push(`kill ${containerId} ${signal}`);
      },
      get: async ({ containerId }: { containerId: string }) => {
        if (containerId === DONE) throw new K3cError(Code.NOT_FOUND, 'no task');
        return { process: { status: Status.STOPPED } };
      },
      wait: async () => {
        ended = true;
      },
      delete: async ({ containerId }: { containerId: string }) => {
        if (containerId === DONE) throw new K3cError(Code.NOT_FOUND, 'no task');
        if (!ended) throw new K3cError(Code.UNKNOWN, 'cannot delete a running process');
        acts.push(`delete ${containerId}`);
      },
    },
  } as unknown as Containerd;
  assert.equal(await removeLostBuildSteps(containerd), 3);
  const ofStep = [`kill ${STEP} 9`, `delete ${STEP}`, `remove ${STEP}`];
  assert.deepEqual(acts, [...ofStep, `remove ${DONE}`, `delete ${ENDED}`, `remove ${ENDED}`]);
});

test('what was begun since containerd was started is somebody’s', async () => {
  const removed: string[] = [];
  const step = (id: string, seconds: bigint) => ({
    id,
    createdAt: { seconds, nanos: 0 },
    spec: { typeUrl: '', value: Buffer.from(JSON.stringify({ linux: { cgroupsPath: `/k3c/build/buildkit/${id}` } })) },
  });
  const containerd = {
    containers: {
      list: async () => ({ containers: [step(STEP, 99n), step(DONE, 101n)] }),
      delete: async ({ id }: { id: string }) => void removed.push(id),
    },
    tasks: { kill: async () => ({}), wait: async () => ({}), delete: async () => ({}) },
  } as unknown as Containerd;
  assert.equal(await removeLostBuildSteps(containerd, { before: 100_000 }), 1);
  assert.deepEqual(removed, [STEP]);
});
