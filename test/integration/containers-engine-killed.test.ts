/** kill -9 of containerd in the middle of every act: it may fail, but afterwards the row is true and the container can be used. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PodSandboxState } from '../../src/api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { Status } from '../../src/api/gen/types/task/task.ts';
import { type Daemon, type Rig, specOf, startRig, tearDown } from '../support/container-rig.ts';

/** When containerd is killed after an act has begun, milliseconds. */
const MOMENTS = [2, 15, 60];

suite('a containerd that is killed', { timeout: 240_000 }, () => {
  let rig: Rig;
  let daemon: Daemon;
  before(async () => {
    rig = await startRig({ name: 'k3ct73', subnet: '10.73.0.0/16' });
    daemon = await rig.boot();
  });
  after(() => tearDown(rig, daemon));

  const acts: Readonly<Record<string, (id: string) => Promise<unknown>>> = {
    pause: (id) => daemon.engine.pause(id),
    unpause: async (id) => {
      if (daemon.engine.find(id).state !== 'paused') await daemon.engine.pause(id);
      await daemon.engine.unpause(id);
    },
    stop: (id) => daemon.engine.stop(id, { timeout: 0 }),
    start: (id) => daemon.engine.start(id),
    restart: (id) => daemon.engine.restart(id, { timeout: 0 }),
    kill: (id) => daemon.engine.kill(id, ''),
    remove: (id) => daemon.engine.remove(id, { force: true, volumes: true }),
  };

  test('pause, unpause, stop, start, restart, kill, rm: the rows are true afterwards, and nothing is left', async () => {
    for (const moment of MOMENTS) {
      const made = Object.keys(acts).map(async (name) => {
        const { id } = await daemon.engine.create(`${name}-${moment}`, specOf({ command: ['sleep', '1000'] }));
        if (name !== 'start') await daemon.engine.start(id);
        return [name, id] as const;
      });
      const containers = await Promise.all(made);
      const settled = Promise.allSettled(containers.map(([name, id]) => acts[name]?.(id)));
      await sleep(moment);
      await rig.children.kill('containerd');
      const since = Date.now();
      await rig.children.start('containerd');
      await settled;
      await daemon.engine.resync(since, AbortSignal.timeout(20_000));
      await Promise.all(
        containers.map(async ([name, id]) => {
          await check(name, id);
          if (daemon.state.containers.byId(id) === undefined) return;
          // Whatever became of it, it can be used again.
          await daemon.engine.restart(id, { timeout: 0 });
          assert.equal(daemon.engine.find(id).state, 'running');
          await daemon.engine.remove(id, { force: true, volumes: true });
        }),
      );
    }
    const ready = async () =>
      (await daemon.containerd.cri.listPodSandbox({})).items.filter(
        ({ state }) => state === PodSandboxState.SANDBOX_READY,
      );
    for (let i = 0; i < 300 && (await ready()).length > 0; i++) await sleep(50);
    assert.deepEqual(
      (await ready()).map(({ metadata }) => metadata?.name),
      [],
    );
  });

  /** An end that was seen by nobody is recorded when containerd has answered, so the row is given a moment. */
  async function check(name: string, id: string): Promise<void> {
    let wrong: string | undefined = '';
    for (let i = 0; i < 100 && wrong !== undefined; i++) {
      wrong = await contradiction(name, id);
      if (wrong !== undefined) await sleep(50);
    }
    assert.equal(wrong, undefined);
  }

  async function contradiction(name: string, id: string): Promise<string | undefined> {
    const { tasks } = await daemon.containerd.tasks.list({});
    const record = daemon.state.containers.byId(id);
    if (record === undefined) return name === 'remove' ? undefined : `${name} has lost a container`;
    const status = tasks.find((task) => task.id === record.criId)?.status;
    const holds =
      record.state === 'paused'
        ? status === Status.PAUSED
        : record.state === 'running'
          ? status === Status.RUNNING
          : ['created', 'exited'].includes(record.state) && (status === undefined || status === Status.STOPPED);
    return holds ? undefined : `${name}: the row says ${record.state}, containerd ${status}`;
  }
});
