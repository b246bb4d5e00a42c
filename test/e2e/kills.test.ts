/**
 * kill -9 of the daemon in the middle of everything at once: starts, removals, networks, pods. What was answered is true afterwards, what was not
 * can be removed, and then nothing is there that was not there before.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../support/binary.ts';
import { until } from '../support/counting.ts';
import { grown, inventory } from '../support/inventory.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { type Lane, lanes, SLEEP } from '../support/kill-lanes.ts';
import { Round, type Said } from '../support/kill-round.ts';
import { processesWith } from '../support/sweep.ts';

/** How many creates are to be cut off. 200 for the whole of it; fewer keep the suite short. */
const CREATES = Number(process.env['K3C_KILLED_CREATES'] ?? 24);
/** Rounds in which containerd alone is killed. Each death in a row doubles the wait before its next start. */
const CONTAINERD_ROUNDS = 2;

const netns = `k3ct-${randomBytes(4).toString('hex')}`;

let daemon: Daemon;
/** What the daemon holds when it has nothing to do. */
let nothing: ReadonlySet<string>;
/** How long so many starts at once as there are lanes take here and now, milliseconds: a kill comes within a multiple of it. */
let turnMs = 0;
before(async () => {
  await sh('ip', 'netns', 'add', netns);
  await sh('ip', '-n', netns, 'link', 'set', 'lo', 'up');
  daemon = await startDaemon({ wrapper: ['nsenter', `--net=/run/netns/${netns}`] });
  await daemon.ok(['network', 'create', 'lan']);
  // What is made at the first use only is there now.
  for (const flags of [[], ['--network', 'lan'], ['-p', '127.0.0.1:0:80'], ['-v', 'warm:/etc']])
    await daemon.ok(['run', '--rm', ...flags, 'busybox', 'true']);
  await daemon.ok(['volume', 'rm', 'warm']);
  const started = performance.now();
  await Promise.all(lanes.map(() => daemon.ok(['run', '-d', ...SLEEP])));
  turnMs = performance.now() - started;
  await removeAll();
  nothing = await settledInventory();
});
after(async () => {
  try {
    await daemon.stop();
    assert.doesNotMatch(await sh('ip', '-n', netns, '-o', 'link'), /k3c|veth/);
    assert.equal(await sh('ip', 'netns', 'exec', netns, 'nft', 'list', 'ruleset'), '');
  } finally {
    await sh('ip', 'netns', 'delete', netns);
  }
});

async function sh(program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, args);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Two looks that agree: what the warm-up left behind is gone by then. */
async function settledInventory(): Promise<ReadonlySet<string>> {
  for (;;) {
    const first = await inventory(daemon, netns);
    await sleep(500);
    const second = await inventory(daemon, netns);
    if (first.size === second.size && [...first].every((line) => second.has(line))) return second;
  }
}

/** Works in all lanes until something is killed, at any moment; returns when that was, in milliseconds. */
async function workUntil(round: Round, kill: () => Promise<void>): Promise<number> {
  const at = turnMs * (0.05 + 1.5 * Math.random());
  const lane = async (turn: Lane, number: number) => {
    // Not all in the same part of a start.
    await sleep((Math.random() * turnMs) / 2);
    for (let i = 0; !round.killed; i++) if (!(await turn(round, `c${round.number}-${number}-${i}`))) return;
  };
  const end = async () => {
    await sleep(at);
    round.killed = true;
    await kill();
  };
  const settled = await Promise.allSettled([...lanes.map(lane), end()]);
  for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason;
  return Math.round(at);
}

async function startAgain(round: Round): Promise<void> {
  // Now and then the next one does not live to see its end of the start either.
  if (round.number % 3 === 2) {
    const starting = daemon.start().catch(() => 'it was killed');
    await sleep(Math.random() * 1500);
    await daemon.end('SIGKILL');
    await starting;
  }
  await daemon.start();
}

async function checkAnswers(round: Round): Promise<void> {
  const states = new Map(
    (await daemon.ok(['ps', '-a', '--format', '{{.Names}} {{.State}}']))
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  );
  for (const [name, said] of round.said) {
    const state = states.get(name);
    if (said === 'running') assert.equal(state, 'running', `${name} was started and is ${state}`);
    if (said === 'created') assert.equal(state, 'created', `${name} was created and is ${state}`);
    if (said === 'exited') assert.equal(state, 'exited', `${name} was stopped and is ${state}`);
    if (said === 'gone') assert.equal(state, undefined, `${name} was removed and is ${state}`);
    // Whose start was cut off and whose policy says so is started again.
    const possible = [undefined, 'created', 'running', 'restarting', 'exited'];
    if (said === 'begun') assert.ok(possible.includes(state), `${name} is ${state}`);
  }
  const pods = new Map(
    (await daemon.ok(['pod', 'ls', '--format', '{{.Name}} {{.Status}}']))
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  );
  const inPod: Readonly<Record<Said, RegExp>> = {
    begun: /./,
    running: /^Running$/,
    created: /^Created$/,
    exited: /^Stopped$/,
    gone: /^nowhere$/,
  };
  for (const [name, said] of round.pods) assert.match(pods.get(name) ?? 'nowhere', inPod[said], `pod ${name}`);
  const networks = (await daemon.ok(['network', 'ls', '--format', '{{.Name}}'])).split('\n');
  for (const [name, said] of round.networks) {
    if (said !== 'begun') assert.equal(networks.includes(name), said === 'created', `the network ${name}`);
    const place = round.places.get(name);
    if (said !== 'created' || place === undefined || place === 'begun' || round.said.get(name) !== 'running') continue;
    const on = await daemon.ok(['inspect', '-f', '{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{end}}', name]);
    assert.equal(on.split(' ').includes(name), place === 'on', `${name} is on ${on}`);
  }
  // Whatever was said: an interface for each network that it is on, and no other.
  for (const name of round.networks.keys()) {
    if (states.get(name) !== 'running') continue;
    const on = await daemon.ok(['inspect', '-f', '{{len .NetworkSettings.Networks}}', name]);
    const interfaces = (await daemon.ok(['exec', name, 'ip', '-o', 'link'])).match(/ eth\d/g) ?? [];
    assert.equal(interfaces.length, Number(on), `interfaces of ${name}`);
  }
}

async function removeAll(): Promise<void> {
  const names = async (...args: string[]) => (await daemon.ok(args)).split('\n').filter((name) => name !== '');
  const pods = await names('pod', 'ls', '-q');
  if (pods.length > 0) await daemon.ok(['pod', 'rm', '-f', ...pods]);
  const containers = await names('ps', '-aq');
  if (containers.length > 0) await daemon.ok(['rm', '-f', '-v', ...containers]);
  const networks = (await names('network', 'ls', '--format', '{{.Name}}', '-f', 'type=custom')).filter(
    (name) => name !== 'lan',
  );
  if (networks.length > 0) await daemon.ok(['network', 'rm', ...networks]);
  // Anonymous ones go with their containers: only names are left.
  const volumes = await names('volume', 'ls', '-q');
  for (const name of volumes) assert.match(name, /^c\d/, 'an anonymous volume is left');
  if (volumes.length > 0) await daemon.ok(['volume', 'rm', ...volumes]);
}

async function check(round: Round, when: string): Promise<void> {
  await checkAnswers(round);
  await removeAll();
  await daemon.ok(['run', '--rm', 'busybox', 'true']);
  assert.deepEqual(await grown(daemon, netns, nothing), [], `${when}\n${daemon.log().slice(-20_000)}`);
}

describe('kill -9 in the middle of everything: answers are true, and nothing is left', {
  timeout: 100_000 + CREATES * 3000,
}, () => {
  test(`of the daemon, until ${CREATES} creates were cut off`, async (t) => {
    let cutOff = 0;
    let kills = 0;
    for (; cutOff < CREATES; kills++) {
      const round = new Round(daemon, kills);
      const at = await workUntil(round, () => daemon.end('SIGKILL'));
      cutOff += round.cutOff;
      await startAgain(round);
      await check(round, `kill ${kills}, ${at} ms after the lanes had begun`);
    }
    t.diagnostic(`${cutOff} creates were cut off by ${kills} kills; a turn took ${Math.round(turnMs)} ms`);
  });

  test('of containerd', async () => {
    for (let number = 100; number < 100 + CONTAINERD_ROUNDS; number++) {
      const round = new Round(daemon, number);
      const at = await workUntil(round, async () => {
        for (const pid of await processesWith([`bin/containerd --config ${daemon.state}/`]))
          process.kill(pid, 'SIGKILL');
      });
      const works = async () => (await daemon.k3c(['run', '--rm', 'busybox', 'true'])).code === 0;
      await until('containerd is back, its CRI too', works);
      await check(round, `kill ${number}, ${at} ms after the lanes had begun`);
    }
  });

  test('in the making of a snapshot: the next container starts all the same', async () => {
    const snapshots = join(daemon.root, 'containerd/io.containerd.snapshotter.v1.overlayfs/snapshots');
    await daemon.ok(['run', '-d', '--name', 'last', ...SLEEP]);
    const last = Math.max(...(await readdir(snapshots)).filter((name) => /^\d+$/.test(name)).map(Number));
    await daemon.end('SIGKILL');
    // The directory is there already, and its number is not in the database yet.
    await mkdir(join(snapshots, String(last + 1), 'fs'), { recursive: true });
    await daemon.start();
    assert.equal(await daemon.ok(['run', '--rm', 'busybox', 'echo', 'hi']), 'hi');
    await daemon.ok(['rm', '-f', 'last']);
    assert.deepEqual(await grown(daemon, netns, nothing), []);
  });

  test('it works as before', async () => {
    assert.equal(await daemon.ok(['run', '--rm', '--network', 'lan', 'busybox', 'echo', 'hi']), 'hi');
    await daemon.ok(['network', 'rm', 'lan']);
  });
});
