/** The process of a container's own sandbox that is killed behind our back, on a real containerd. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { PodSandboxState } from '../../src/api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { connectContainerd } from '../../src/daemon/backends/containerd.ts';
import type { ContainerSpec } from '../../src/daemon/engine/containers/types.ts';
import { type Daemon, type Rig, specOf, startRig, tearDown } from '../support/container-rig.ts';
import { until } from '../support/counting.ts';

suite('a sandbox that is killed', { timeout: 120_000 }, () => {
  let rig: Rig;
  let daemon: Daemon;
  before(async () => {
    rig = await startRig({ name: 'k3ct76', subnet: '10.76.0.0/16' });
    daemon = await rig.boot();
  });
  after(() => tearDown(rig, daemon));

  const running = async (over: Partial<ContainerSpec> = {}) => {
    const { id } = await daemon.engine.create('', specOf({ command: ['sleep', '1000'], ...over }));
    await daemon.engine.start(id);
    return daemon.engine.find(id);
  };
  const killed = (containerId: string) => daemon.containerd.tasks.kill({ containerId, signal: 9 });
  const now = (id: string) => daemon.state.containers.byId(id);

  test('ends its container, paused or not, and a --rm one is removed', async () => {
    const [plain, paused, auto] = [await running(), await running(), await running({ autoRemove: true })];
    await daemon.engine.pause(paused.id);
    for (const { sandboxId } of [plain, paused, auto]) await killed(sandboxId);
    for (const { id } of [plain, paused]) {
      await until('the end of a container', () => now(id)?.state === 'exited');
      assert.equal(now(id)?.exitCode, 137);
    }
    await until('its removal', () => now(auto.id) === undefined);
    await until('what CRI had of it to go', async () => {
      const { containers } = await daemon.containerd.cri.listContainers({});
      return !containers.some(({ id }) => id === auto.criId);
    });
    await daemon.engine.start(plain.id);
    assert.equal(now(plain.id)?.state, 'running');
  });

  test('is found out by the next daemon, and a restart policy makes another', async () => {
    const { id, sandboxId } = await running({ restart: { name: 'always', maximumRetryCount: 0 } });
    await daemon.close();
    const other = connectContainerd(rig.children.containerdSocket);
    await other.tasks.kill({ containerId: sandboxId, signal: 9 });
    const ready = async () => {
      const { status } = await other.cri.podSandboxStatus({ podSandboxId: sandboxId });
      return status?.state === PodSandboxState.SANDBOX_READY;
    };
    await until('CRI to know of the end', async () => !(await ready()));
    other.close();
    daemon = await rig.boot();
    await until('another sandbox', () => now(id)?.state === 'running' && now(id)?.sandboxId !== sandboxId);
    await killed(now(id)?.sandboxId ?? '');
    await until('a third one', () => now(id)?.state === 'running' && now(id)?.attempt === 2);
    await until('the earlier ones to go', async () => {
      const { items } = await daemon.containerd.cri.listPodSandbox({});
      return items.filter(({ labels }) => labels['k3c.io/id'] === id).length === 1;
    });
  });

  test('is no loss when its container is stopped, started and removed', async () => {
    const { id } = await running();
    await daemon.engine.restart(id, { timeout: 0 });
    assert.equal(now(id)?.state, 'running');
    await daemon.engine.remove(id, { force: true, volumes: true });
    const actions = daemon.engine.events.range(0n, 1n << 62n).filter(({ actor }) => actor === id);
    assert.equal(actions.filter(({ action }) => action === 'die').length, 2);
  });
});
