/**
 * `npm run bench`: one table from one run, k3c beside its peers. Everything runs in a network namespace, on roots under
 * one temporary directory, and is taken away at the end. `bench.ts --quick` makes fewer runs and leaves out the 400 MB layer;
 * `--only builds,network` asks only these questions (see SECTIONS); `--full` makes three hundred containers where it is about many.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { archives } from './bench/archives.ts';
import { builds } from './bench/builds.ts';
import { busyboxTar } from './bench/contexts.ts';
import { gatewayLatency, gatewayThroughput } from './bench/gateway.ts';
import { type Contestant, race, row } from './bench/measure.ts';
import { must } from './bench/must.ts';
import { networks } from './bench/network.ts';
import { type K3cPeer, type Peer, preparePodman, startDocker, startK3c } from './bench/peers.ts';
import { preparePulls } from './bench/pulls.ts';
import { scale } from './bench/scale.ts';
import { streams } from './bench/streams.ts';

const project = join(import.meta.dirname, '..');
const quick = process.argv.includes('--quick');
const RUNS = quick ? 5 : 15;
const BUILDS = quick ? 3 : 9;
const SECTIONS = ['starts', 'scale', 'network', 'streams', 'pulls', 'archives', 'builds', 'itself'] as const;
const only = process.argv.includes('--only')
  ? (process.argv[process.argv.indexOf('--only') + 1] ?? '').split(',')
  : [...SECTIONS];
const unknown = only.find((name) => !SECTIONS.some((section) => section === name));
if (unknown !== undefined) throw new Error(`there is no section ${unknown}; there are ${SECTIONS.join(', ')}`);
const isWanted = (section: (typeof SECTIONS)[number]) => only.includes(section);
const SCALE = process.argv.includes('--full') ? { inTurn: 250, atOnce: 50 } : { inTurn: quick ? 30 : 60, atOnce: 20 };

if (process.env['K3C_BENCH_INSIDE'] === undefined) {
  // A network namespace of its own: bridges and rules of all contestants go with it.
  const inside = spawnSync(
    'unshare',
    ['--net', '--', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"', process.execPath, ...process.argv.slice(1)],
    {
      stdio: 'inherit',
      env: { ...process.env, K3C_BENCH_INSIDE: '1' },
    },
  );
  process.exit(inside.status ?? 1);
}

/** Resident kilobytes of a process and all below it; the share of each page that several map (Pss). */
function residentKb(pid: number): number {
  const children = spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter(Boolean)
    .map(Number);
  const own = Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
  return children.reduce((sum, child) => sum + residentKb(child), own);
}

const work = mkdtempSync(join(tmpdir(), 'k3c-bench-'));
const rows: string[] = [];
const say = (line: string) => {
  rows.push(line);
  console.log(line);
};

/** One question to all peers that can answer it. */
function ask(
  what: string,
  peers: readonly Peer[],
  contestant: (peer: Peer) => Omit<Contestant, 'name'>,
  runs = RUNS,
): void {
  say(
    row(
      what,
      race(
        peers.map((peer) => ({ name: peer.name, ...contestant(peer) })),
        runs,
      ),
    ),
  );
}

function runs(peers: readonly Peer[]): void {
  ask('run --rm busybox true', peers, (peer) => ({ command: peer.cli('run', '--rm', 'bench-busybox', 'true') }));
  ask('run -d busybox sleep', peers, (peer) => ({
    command: peer.cli('run', '-d', '--name', 'bench', 'bench-busybox', 'sleep', '1000'),
    after: () => must(remove(peer)),
  }));
  for (const peer of peers) must(peer.cli('run', '-d', '--name', 'bench', 'bench-busybox', 'sleep', '1000'));
  ask('exec true', peers, (peer) => ({ command: peer.cli('exec', 'bench', 'true') }));
  ask('ps', peers, (peer) => ({ command: peer.cli('ps') }));
  for (const peer of peers) must(remove(peer));
}

/** podman's rm -f waits ten seconds for a process that does not listen, unless told otherwise. */
function remove(peer: Peer): string[] {
  return peer.cli('rm', '-f', ...(peer.name.startsWith('podman') ? ['-t', '0'] : []), 'bench');
}

async function pulls(peers: readonly Peer[]): Promise<void> {
  const prepared = await preparePulls(work, peers);
  if (prepared === undefined) return;
  try {
    say(row('pull of 500 MB in ten layers from this machine', race(prepared.contestants, quick ? 3 : 5)));
  } finally {
    await prepared.stop();
  }
}

async function itself(k3c: K3cPeer): Promise<void> {
  say(row('k3c --version, whole process', race([{ name: 'k3c', command: k3c.cli('--version') }], RUNS)));
  say(`| daemon start to first answer | ${k3c.readyMs.toFixed(0)} | | |`);
  const gateway = join(k3c.state, 'k3c.sock');
  const direct = join(k3c.state, 'containerd.sock');
  const latency = await gatewayLatency(gateway, direct);
  say(
    `| unary call through the gateway | ${latency.gateway.toFixed(2)} | | direct ${latency.direct.toFixed(2)} (+${(latency.gateway - latency.direct).toFixed(2)} ms) |`,
  );
  if (quick) return;
  const speed = await gatewayThroughput(gateway, direct);
  say(
    `| read of a ${speed.megabytes.toFixed(0)} MB blob through the gateway, MB/s | ${speed.gateway.toFixed(0)} | | direct ${speed.direct.toFixed(0)} (${(speed.gateway / speed.direct).toFixed(2)}) |`,
  );
}

const busybox = busyboxTar(work);
const stops: (() => Promise<void>)[] = [];
try {
  const k3c = await startK3c(project, work);
  stops.push(() => k3c.stop());
  const idle = residentKb(k3c.pid as number) / 1024;
  const docker = await startDocker(work);
  if (docker !== undefined) stops.push(() => docker.stop());
  const podman = preparePodman(project, work);
  console.log(
    `${cpus().length} x ${cpus()[0]?.model}; medians of ${RUNS} runs in turn (${BUILDS} for builds), milliseconds of whole processes\n`,
  );
  say('| what | k3c | least to most | peers (k3c as a ratio of theirs) |');
  say('|---|---|---|---|');
  const rated = [k3c, docker].filter((peer) => peer !== undefined);
  const others = rated.slice(1);
  const all = [...rated, podman].filter((peer) => peer !== undefined);
  for (const peer of all) must(peer.cli('import', busybox, 'bench-busybox'));
  const sayAll = (lines: readonly string[]) => lines.forEach(say);
  if (isWanted('starts')) runs(all);
  if (isWanted('scale')) sayAll(await scale(k3c, others, SCALE));
  if (isWanted('network')) sayAll(await networks(rated, work, RUNS));
  if (isWanted('streams')) sayAll(streams(rated, work, quick ? 200 : 1000, quick ? 3 : 5));
  if (isWanted('pulls')) await pulls(all);
  if (isWanted('archives')) sayAll(await archives(k3c, others, project, work, quick ? 3 : 5));
  if (isWanted('builds')) await builds(rated, project, work, ask, quick);
  if (isWanted('itself')) {
    await itself(k3c);
    say(`| memory of daemon, containerd and buildkitd when idle, MB | ${idle.toFixed(0)} | | |`);
  }
} finally {
  for (const stop of stops.toReversed()) await stop();
  spawnSync('sh', ['-c', `grep -o '${work}[^ ]*' /proc/self/mounts | sort -r | xargs -r umount -l`]);
  rmSync(work, { recursive: true, force: true });
}
if (!existsSync('/usr/sbin/dockerd')) console.log('\ndocker.io is not installed here: no figures of dockerd');
