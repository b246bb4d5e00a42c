/** Clients that vanish in the middle of everything: nothing stays half-made, and the daemon holds nothing for them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, readdir, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectContainerd } from '../../src/daemon/backends/containerd.ts';
import { until } from '../support/counting.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { heldForNoContainer } from '../support/leftovers.ts';
import { processesWith } from '../support/sweep.ts';

const LOOP = 'while :; do echo line; sleep 0.05; done';

/** Other runs of this file on the machine are not ours. */
const EXEC_SLEEP = `88.5${process.pid}`;
const BUILD_SLEEP = `77.5${process.pid}`;

let daemon: Daemon;
let descriptors = 0;
before(async () => {
  daemon = await startDaemon();
  const context = join(daemon.directory, 'context');
  await mkdir(context);
  await writeFile(join(context, 'Dockerfile'), `FROM busybox\nRUN echo begun && sleep ${BUILD_SLEEP}\n`);
  // Everything once: what is opened at the first use only is open now.
  await daemon.ok(['run', '-d', '--name', 'box', 'busybox', 'sh', '-c', LOOP]);
  await daemon.ok(['exec', 'box', 'true']);
  await vanish(['logs', '-f', 'box'], false, 100);
  await vanishOften(['build', '--no-cache', context], [1500]);
  await settled();
  descriptors = await open();
});
after(() => daemon.stop());

/** The daemon's open files and sockets. */
async function open(): Promise<number> {
  return (await readdir(`/proc/${daemon.pid}/fd`)).length;
}

/** Not their clients, which have ended. */
const sleepers = () => processesWith([`sleep ${EXEC_SLEEP}`]).then((pids) => pids.filter((pid) => pid !== process.pid));

const settled = () =>
  until('no build step runs', async () => (await processesWith([`sleep ${BUILD_SLEEP}`])).length === 0);

/** Starts a command, by a process of its own or through the front door, and kills it after some time, or at its first output. */
async function vanish(args: readonly string[], direct: boolean, moment: number | 'output'): Promise<void> {
  const child = daemon.spawn(args, { direct });
  child.stdin?.on('error', () => undefined); // it ends while we write
  if (args.includes('-i')) child.stdin?.write(Buffer.alloc(1 << 20));
  child.stdout?.resume();
  child.stderr?.resume();
  const gone = once(child, 'close');
  if (moment !== 'output') await sleep(moment);
  else if (child.stdout !== null) await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await gone;
}

/** Kills two clients of each kind at several moments. */
async function vanishOften(args: readonly string[], moments: readonly (number | 'output')[]): Promise<void> {
  for (const moment of moments) await Promise.all([vanish(args, false, moment), vanish(args, true, moment)]);
}

async function everythingIsBack(): Promise<void> {
  const deadline = performance.now() + 10_000;
  while ((await open()) > descriptors && performance.now() < deadline) await sleep(100);
  const names = await readdir(`/proc/${daemon.pid}/fd`);
  const held = await Promise.all(names.map((fd) => readlink(`/proc/${daemon.pid}/fd/${fd}`).catch(() => '')));
  assert.ok(names.length <= descriptors, `${descriptors} descriptors before, now:\n${held.toSorted().join('\n')}`);
}

describe('a client is killed', { timeout: 110_000 }, () => {
  test('in exec', async () => {
    await vanishOften(['exec', '-i', 'box', 'cat'], [60, 150, 400]);
    await vanishOften(['exec', 'box', 'sh', '-c', `echo begun; exec sleep ${EXEC_SLEEP}`], ['output']);
    // As in docker the process of an exec goes on when its client has gone, but for one that reads to the end of its input.
    await until('both sleep', async () => (await sleepers()).length === 2);
    assert.doesNotMatch(await daemon.ok(['exec', 'box', 'ps']), /cat/);
    for (const pid of await sleepers()) process.kill(pid, 'SIGKILL');
    await everythingIsBack();
  });

  test('in logs -f', async () => {
    await vanishOften(['logs', '-f', 'box'], [20, 100, 300]);
    await everythingIsBack();
  });

  test('in run: the container goes on, --rm or not, and can be removed', async () => {
    await vanishOften(['run', '--rm', '-i', 'busybox', 'cat'], [30, 120, 250, 600]);
    await vanishOften(['run', '--rm', 'busybox', 'sh', '-c', LOOP], ['output']);
    await vanishOften(['run', '-t', 'busybox', 'sleep', '1000'], [300]);
    await sleep(1000);
    const ids = (await daemon.ok(['ps', '-aq'])).split('\n');
    const box = (await daemon.ok(['ps', '-q', '-f', 'name=box'])).trim();
    const others = ids.filter((id) => id !== '' && id !== box);
    // A reader has ended with its client; what does not read runs on.
    const looping = await daemon.ok(['ps', '-q', '--no-trunc', '-f', 'status=running']);
    assert.ok(looping.split('\n').length >= 3, looping);
    if (others.length > 0) await daemon.ok(['rm', '-f', ...others]);
    await everythingIsBack();
  });

  test('in build: its step ends', async () => {
    await vanishOften(['build', '--no-cache', join(daemon.directory, 'context')], [100, 700, 1500]);
    await settled();
    await everythingIsBack();
  });

  test('what BuildKit forgets of cancelled steps goes when nobody builds any more', async (t) => {
    const containerd = connectContainerd(daemon.address);
    t.after(() => containerd.close());
    // BuildKit forgets one only at the right instant; this is what it leaves then.
    const id = 'f'.repeat(25);
    const value = Buffer.from(JSON.stringify({ linux: { cgroupsPath: `/k3c-test/buildkit/${id}` } }));
    const spec = { typeUrl: 'types.containerd.io/opencontainers/runtime-spec/1/Spec', value };
    await containerd.containers.create({ container: { id, spec, runtime: { name: 'io.containerd.runc.v2' } } });
    const isThere = async () => (await containerd.containers.list({ filters: [`id==${id}`] })).containers.length > 0;
    assert.ok(await isThere());
    await until('the forgotten step is gone', async () => !(await isThere()), 40_000);
  });

  test('and nothing is left', async () => {
    await daemon.ok(['rm', '-f', 'box']);
    assert.deepEqual(await heldForNoContainer(daemon), []);
  });
});
