/** kill -9 of the daemon in the middle of its work, again and again: what was answered is true, and nothing is left over. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ContainerState, PodSandboxState } from '../../src/api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { Status } from '../../src/api/gen/types/task/task.ts';
import { bootDaemon, type Daemon, type Rig, startRig } from '../support/container-rig.ts';
import { until } from '../support/counting.ts';

const ROUNDS = 6;

suite('a daemon that is killed', { timeout: 240_000 }, () => {
  let rig: Rig;
  let victim: ChildProcess | undefined;
  before(async () => {
    rig = await startRig({ name: 'k3ct69', subnet: '10.69.0.0/16' });
  });
  after(async () => {
    victim?.kill('SIGKILL');
    await rig.stop();
  });

  test('loses no container, no record and no answer', async () => {
    const acts: { readonly act: string; readonly id: string }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, '../support/container-victim.ts'), rig.base, String(round)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
          env: { ...process.env, NODE_NO_WARNINGS: '1' },
        },
      );
      victim = child;
      const booted = Promise.withResolvers<void>();
      createInterface({ input: child.stdout }).on('line', (line) => {
        const [act = '', id = ''] = line.split(' ');
        if (act === 'booted') booted.resolve();
        else acts.push({ act, id });
      });
      child.once('exit', () => booted.reject(new Error('the daemon ended by itself')));
      await booted.promise;
      // After some answers, and then at any point of what is under way.
      const enough = acts.length + 3 + Math.floor(Math.random() * 15);
      const last = round === ROUNDS - 1;
      // The last kill comes when something was stopped and something runs, so that there is something to see.
      while (acts.length < enough || (last && !isTelling(acts))) await sleep(20);
      await sleep(Math.random() * 300);
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    }
    const daemon = await bootDaemon(rig.base);
    try {
      await until('restarts that were cut off to be finished', () =>
        daemon.state.containers.list().every(({ restartAsked }) => restartAsked === null),
      );
      await checkAnswers(daemon, acts);
      await checkNothingStrayed(daemon);
    } finally {
      for (const { id } of await daemon.engine.list({ all: true, last: 0, filters: {} }))
        await daemon.engine.remove(id, { force: true, volumes: true });
      await daemon.close();
    }
  });

  function isTelling(acts: readonly { readonly act: string; readonly id: string }[]): boolean {
    const ends = [...new Map(acts.map(({ act, id }) => [id, act])).values()];
    return acts.some(({ act }) => act === 'stopped') && ends.includes('started') && ends.includes('paused');
  }

  async function checkAnswers(daemon: Daemon, acts: readonly { readonly act: string; readonly id: string }[]) {
    const last = new Map(acts.map(({ act, id }) => [id, act]));
    for (const [id, act] of last) {
      const record = daemon.state.containers.byId(id);
      if (act === 'removed') assert.equal(record, undefined, `${id} was removed and is back`);
      else if (act === 'stopped') {
        // It may have been removed since, unanswered; it cannot run.
        assert.notEqual(record?.state, 'running');
      } else if (act === 'started' && record !== undefined) {
        // A stop or removal may have been under way: then it ended by SIGKILL.
        assert.ok(
          // A pause may have been under way too.
          ['running', 'paused'].includes(record.state) || (record.manualStop && record.exitCode === 137),
          `${id} is ${record.state} (${record.exitCode})`,
        );
      } else if (act === 'paused' && record !== undefined) {
        // What comes next may have been under way: a stop, a removal.
        assert.ok(['paused', 'running', 'exited'].includes(record.state), `${id} is ${record.state}`);
        assert.notEqual(record.startedAt, 0n);
      } else if (act === 'restarting') {
        // A --rm container: its row must outlive the end of the old attempt, and the new one runs.
        assert.equal(record?.state, 'running', `${id} was being restarted and is ${record?.state ?? 'gone'}`);
      } else if (act === 'created') assert.ok(record !== undefined, `${id} is lost`);
    }
  }

  async function checkNothingStrayed(daemon: Daemon) {
    const records = await daemon.engine.list({ all: true, last: 0, filters: {} });
    assert.deepEqual(
      records.filter(({ state }) => state === 'starting' || state === 'restarting').map(({ name }) => name),
      [],
    );
    const running = records.filter(({ state }) => state === 'running' || state === 'paused');
    const { tasks } = await daemon.containerd.tasks.list({});
    for (const { criId, state } of running)
      assert.equal(tasks.find(({ id }) => id === criId)?.status === Status.PAUSED, state === 'paused');
    assert.ok(running.length > 0);
    for (const { criId } of running) {
      const { status } = await daemon.containerd.cri.containerStatus({ containerId: criId });
      assert.equal(status?.state, ContainerState.CONTAINER_RUNNING);
    }
    const known = new Set(records.map(({ sandboxId }) => sandboxId));
    const ready = new Set(running.map(({ sandboxId }) => sandboxId));
    const strays = async () => {
      const { items } = await daemon.containerd.cri.listPodSandbox({});
      return items.filter(
        ({ id, state }) => !known.has(id) || (state === PodSandboxState.SANDBOX_READY && !ready.has(id)),
      );
    };
    for (let i = 0; i < 200 && (await strays()).length > 0; i++) await sleep(100);
    assert.deepEqual(
      (await strays()).map(({ labels }) => labels),
      [],
    );
    const criIds = new Set(running.map(({ criId }) => criId));
    for (const name of await readdir(join(rig.base, 's/io')))
      assert.ok(criIds.has(name.split('-')[0] ?? ''), `a FIFO is left: ${name}`);
    const ids = new Set(records.map(({ id }) => id));
    for (const parent of ['containers', 'logs'])
      for (const name of await readdir(join(rig.base, parent))) assert.ok(ids.has(name), `${parent}/${name} is left`);
  }
});
