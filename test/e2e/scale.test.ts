/** Many containers: none is lost, nothing slows down with their number, and nothing of them stays. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { heldForNoContainer } from '../support/leftovers.ts';

const IN_TURN = 50;
const AT_ONCE = 20;
const ALL = IN_TURN + AT_ONCE;
const SLEEP = ['busybox', 'sleep', '100000'];
/** How many starts are compared with how many. */
const BATCH = 10;

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon.stop());

const words = (text: string) => text.split('\n').filter((line) => line !== '');
const running = async () => words(await daemon.ok(['ps', '-q', '--no-trunc']));

/** Milliseconds of processor time that the daemon and containerd have used: what others do on the machine is not in it. */
async function cpu(): Promise<number> {
  let ticks = 0;
  for (const pid of [daemon.pid, await containerd()]) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13);
    ticks += Number(user) + Number(system);
  }
  return ticks * 10;
}

async function containerd(): Promise<string> {
  for (const pid of words(
    (await readFile(`/proc/${daemon.pid}/task/${daemon.pid}/children`, 'utf8')).replaceAll(' ', '\n'),
  ))
    if ((await readFile(`/proc/${pid}/comm`, 'utf8')).trim() === 'containerd') return pid;
  throw new Error('containerd is no child of the daemon');
}

/** The quickest of many: the machine may be busy with something else during all the others. */
async function quickestPs(): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 25; i++) {
    const started = performance.now();
    await daemon.ok(['ps']);
    times.push(performance.now() - started);
  }
  return Math.min(...times);
}

/** The directories of pods below the daemon's own cgroup, in every hierarchy. */
async function podCgroups(): Promise<string[]> {
  const base = '/sys/fs/cgroup';
  const parents = ['', ...(await readdir(base))].map((hierarchy) => join(base, hierarchy, `k3c-${daemon.bridge}`));
  const found: string[] = [];
  for (const parent of parents) {
    const below = await readdir(parent, { recursive: true }).catch(() => []);
    found.push(...below.filter((name) => /[0-9a-f]{64}$/.test(name)).map((name) => join(parent, name)));
  }
  return found;
}

describe('many containers', () => {
  let ids: readonly string[] = [];
  let psOfTen = 0;

  test(`${IN_TURN} one after another: the last start costs what the first did`, async () => {
    const started: string[] = [];
    const costs: number[] = [];
    for (let batch = 0; batch < IN_TURN / BATCH; batch++) {
      const before = await cpu();
      for (let i = 0; i < BATCH; i++) started.push(await daemon.ok(['run', '-d', ...SLEEP]));
      costs.push((await cpu()) - before);
      if (batch === 0) psOfTen = await quickestPs();
    }
    assert.deepEqual((await running()).toSorted(), started.toSorted());
    // The very first are dearer: code is compiled, caches are filled. containerd reads the table of mounts a few times a start.
    const [first = 0, last = 0] = [costs[0], costs.at(-1)];
    assert.ok(last < 2 * first + 100, `processor time of ${BATCH} starts, ms: ${costs}`);
    ids = started;
  });

  test(`${AT_ONCE} at once: none is lost, each has an address of its own`, async () => {
    const started = await Promise.all(Array.from({ length: AT_ONCE }, () => daemon.ok(['run', '-d', ...SLEEP])));
    ids = [...ids, ...started];
    assert.deepEqual((await running()).toSorted(), ids.toSorted());
    const addresses = words(await daemon.ok(['inspect', '-f', '{{.NetworkSettings.IPAddress}}', ...ids]));
    assert.equal(new Set(addresses).size, ALL);
  });

  test('ps is as quick as with ten', async () => {
    const all = await quickestPs();
    assert.ok(all < 1.5 * psOfTen + 1, `${all.toFixed(1)} ms with ${ALL}, ${psOfTen.toFixed(1)} ms with ${BATCH}`);
  });

  test('a daemon that comes back takes up all of them', async () => {
    const pids = () => daemon.ok(['inspect', '-f', '{{.State.Pid}}', ...ids]);
    const before = await pids();
    await daemon.end('SIGTERM');
    await daemon.start();
    assert.deepEqual((await running()).toSorted(), ids.toSorted());
    assert.equal(await pids(), before);
    assert.equal(await daemon.ok(['exec', ids[0] ?? '', 'echo', 'there']), 'there');
  });

  test('rm -f of all leaves nothing', async () => {
    assert.equal((await podCgroups()).length > 0, true, 'the test looks at the wrong place');
    const removed = words(await daemon.ok(['rm', '-f', ...ids]));
    assert.equal(removed.length, ALL);
    assert.equal(await daemon.ok(['ps', '-aq']), '');
    assert.deepEqual(await heldForNoContainer(daemon), []);
    assert.deepEqual(await podCgroups(), []);
    for (const kept of ['root/containers', 'root/logs', 'state/s'])
      assert.deepEqual(await readdir(join(daemon.directory, kept)).catch(() => []), [], kept);
  });
});
