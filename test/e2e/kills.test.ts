/**
 * kill -9 of the daemon in the middle of everything at once: starts, removals, networks. What was answered is true afterwards, what was not
 * can be removed, and then nothing is there that was not there before.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../support/binary.ts';
import { grown, inventory } from '../support/inventory.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';

/** How many creates are to be cut off. 200 for the whole of it; fewer keep the suite short. */
const CREATES = Number(process.env['K3C_KILLED_CREATES'] ?? 24);
/** The kill comes within this time after the lanes have begun: several acts long, so that all lanes are somewhere in one. */
const SPREAD_MS = 1500;
/** So many things are done at once. Fewer would be further on when the kill comes, more would all be at the beginning. */
const LANES = 10;

const netns = `k3ct-${randomBytes(4).toString('hex')}`;
const SLEEP = ['busybox', 'sleep', '1000'];

let daemon: Daemon;
let nothing: ReadonlySet<string>;
before(async () => {
  await sh('ip', 'netns', 'add', netns);
  await sh('ip', '-n', netns, 'link', 'set', 'lo', 'up');
  daemon = await startDaemon({ wrapper: ['nsenter', `--net=/run/netns/${netns}`] });
  await daemon.ok(['network', 'create', 'lan']);
  // What is made at the first use only is there now.
  for (const flags of [[], ['--network', 'lan'], ['-p', '127.0.0.1:0:80'], ['-v', 'warm:/etc']])
    await daemon.ok(['run', '--rm', ...flags, 'busybox', 'true']);
  await daemon.ok(['volume', 'rm', 'warm']);
  nothing = await settledInventory();
});
after(async () => {
  try {
    await daemon.stop();
  } finally {
    await sh('ip', 'netns', 'delete', netns);
  }
});

async function sh(program: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await run(program, args);
  assert.equal(code, 0, stderr);
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

/** What the daemon has said of a container, network or volume; `begun`: it has not answered yet. */
type Said = 'begun' | 'running' | 'created' | 'gone';

class Round {
  readonly number: number;
  readonly said = new Map<string, Said>();
  /** Networks that were made, and those on which a container was said to be. */
  readonly networks = new Map<string, Said>();
  readonly places = new Map<string, 'on' | 'off' | 'begun'>();
  killed = false;
  /** Creates that got no answer. */
  cutOff = 0;

  constructor(number: number) {
    this.number = number;
  }

  /** Carries out a command; says whether it was answered before the kill. A failure that the kill does not excuse fails the test. */
  async act(args: readonly string[], isCreate = false): Promise<boolean> {
    const { code, stderr } = await daemon.k3c(args);
    if (code === 0) return true;
    if (!this.killed) throw new Error(`k3c ${args.join(' ')}: exit ${code}: ${stderr}`);
    if (isCreate) this.cutOff += 1;
    return false;
  }

  async start(name: string, words: readonly string[]): Promise<boolean> {
    this.said.set(name, 'begun');
    if (!(await this.act(words, true))) return false;
    this.said.set(name, 'running');
    return true;
  }

  async remove(name: string): Promise<boolean> {
    this.said.set(name, 'begun');
    if (!(await this.act(['rm', '-f', '-v', name]))) return false;
    this.said.set(name, 'gone');
    return true;
  }
}

/** One turn of a lane; false: the daemon is dead. */
type Lane = (round: Round, name: string) => Promise<boolean>;

const runThenRemove =
  (...flags: readonly string[]): Lane =>
  async (round, name) =>
    (await round.start(name, ['run', '-d', '--name', name, ...flags, ...SLEEP])) && (await round.remove(name));

const lanes: readonly Lane[] = [
  runThenRemove(),
  runThenRemove('--rm', '-p', '127.0.0.1:0:80', '-p', '0:53/udp'),
  runThenRemove('--network', 'lan', '-p', '0:80', '--restart', 'always'),
  runThenRemove('-v', '/etc', '-v', '/bin', '--init'),
  runThenRemove('--restart', 'always', '--shm-size', '1m', '--ulimit', 'nofile=100'),
  // In the foreground: the client is there until the end.
  async (round, name) => await round.act(['run', '--rm', '--name', name, 'busybox', 'echo', 'hi'], true),
  async (round, name) => {
    round.said.set(name, 'begun');
    if (!(await round.act(['create', '--name', name, '-v', '/etc', ...SLEEP], true))) return false;
    round.said.set(name, 'created');
    return (await round.start(name, ['start', name])) && (await round.remove(name));
  },
  // Stopped and started again: an earlier attempt goes while the next one comes.
  async (round, name) => {
    if (!(await round.start(name, ['run', '-d', '--name', name, ...SLEEP]))) return false;
    return (await round.start(name, ['restart', '-t', '0', name])) && (await round.remove(name));
  },
  async (round, name) => {
    if (!(await round.start(name, ['run', '-d', '--name', name, '--network', 'lan', ...SLEEP]))) return false;
    round.networks.set(name, 'begun');
    if (!(await round.act(['network', 'create', name]))) return false;
    round.networks.set(name, 'created');
    for (const [act, place] of [
      ['connect', 'on'],
      ['disconnect', 'off'],
    ] as const) {
      round.places.set(name, 'begun');
      if (!(await round.act(['network', act, name, name]))) return false;
      round.places.set(name, place);
    }
    round.networks.set(name, 'begun');
    if (!(await round.act(['network', 'rm', name]))) return false;
    round.networks.set(name, 'gone');
    return await round.remove(name);
  },
  async (round, name) =>
    (await round.act(['volume', 'create', name])) &&
    (await round.start(name, ['run', '-d', '--name', name, '-v', `${name}:/etc`, ...SLEEP])) &&
    (await round.remove(name)) &&
    (await round.act(['volume', 'rm', name])),
];

/** Works in all lanes until the daemon is killed. */
async function work(round: Round, killAfterMs: number): Promise<void> {
  const lane = async (at: number) => {
    const turn = lanes[at % lanes.length] ?? assert.fail();
    for (let i = 0; !round.killed; i++) if (!(await turn(round, `c${round.number}-${at}-${i}`))) return;
  };
  const kill = async () => {
    await sleep(killAfterMs);
    round.killed = true;
    await daemon.end('SIGKILL');
  };
  const settled = await Promise.allSettled([...Array.from({ length: LANES }, (_, at) => lane(at)), kill()]);
  for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason;
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
    if (said === 'gone') assert.equal(state, undefined, `${name} was removed and is ${state}`);
    if (said === 'begun') assert.ok([undefined, 'created', 'running', 'exited'].includes(state), `${name} is ${state}`);
  }
  const networks = (await daemon.ok(['network', 'ls', '--format', '{{.Name}}'])).split('\n');
  for (const [name, said] of round.networks) {
    if (said !== 'begun') assert.equal(networks.includes(name), said === 'created', `the network ${name}`);
    const place = round.places.get(name);
    if (said !== 'created' || place === undefined || place === 'begun' || round.said.get(name) !== 'running') continue;
    const on = await daemon.ok(['inspect', '-f', '{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{end}}', name]);
    assert.equal(on.split(' ').includes(name), place === 'on', `${name} is on ${on}`);
  }
}

async function removeAll(): Promise<void> {
  const names = async (...args: string[]) => (await daemon.ok(args)).split('\n').filter((name) => name !== '');
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

describe('kill -9 of the daemon in the middle of everything', { timeout: 60_000 + CREATES * 3000 }, () => {
  test(`until ${CREATES} creates were cut off: answers are true, and nothing is left`, async (t) => {
    let cutOff = 0;
    let kills = 0;
    for (; cutOff < CREATES; kills++) {
      const round = new Round(kills);
      const at = 100 + Math.random() * SPREAD_MS;
      await work(round, at);
      cutOff += round.cutOff;
      await startAgain(round);
      const when = `kill ${kills}, ${Math.round(at)} ms after the lanes had begun`;
      await checkAnswers(round);
      await removeAll();
      assert.deepEqual(await grown(daemon, netns, nothing), [], `${when}\n${daemon.log().slice(-20_000)}`);
    }
    t.diagnostic(`${cutOff} creates were cut off by ${kills} kills`);
  });

  test('it works as before', async () => {
    assert.equal(await daemon.ok(['run', '--rm', '--network', 'lan', 'busybox', 'echo', 'hi']), 'hi');
    await daemon.ok(['network', 'rm', 'lan']);
  });
});
