/** What grows with the number of containers: starts, `ps`, `rm -f` of all, the daemon's return beside them. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { median } from './measure.ts';
import type { K3cPeer, Peer } from './peers.ts';

const TEN = 10;
const LOOKS = 15;
const RUN = ['run', '-d', 'bench-busybox', 'sleep', '100000'];

export interface ScaleSize {
  readonly inTurn: number;
  readonly atOnce: number;
}

interface Figures {
  readonly first: number;
  readonly last: number;
  readonly atOnce: number;
  readonly psOfTen: number;
  readonly psOfAll: number;
  removed: number;
  gone: number;
}

/**
 * A table row a question, in milliseconds. The image `bench-busybox` is there, and no container. Peers start their containers in
 * turn with each other, so that a machine that drifts drifts for all.
 * @param peers k3c first
 * @throws Error when a container is lost
 */
export async function scale(k3c: K3cPeer, others: readonly Peer[], size: ScaleSize): Promise<string[]> {
  const peers = [k3c, ...others];
  const total = size.inTurn + size.atOnce;
  const starts = peers.map((): number[] => []);
  const psOfTen: number[] = [];
  for (let i = 0; i < size.inTurn; i++) {
    for (const [at, peer] of peers.entries()) starts[at]?.push(timed(peer.cli(...RUN)));
    if (i === TEN - 1) psOfTen.push(...peers.map(ps));
  }
  const figures: Figures[] = [];
  for (const [at, peer] of peers.entries()) {
    const times = starts[at] ?? [];
    const atOnce = await together(Array.from({ length: size.atOnce }, () => peer.cli(...RUN)));
    const there = ids(peer).length;
    if (there !== total) throw new Error(`${peer.name}: of ${total} containers ${there} run`);
    figures.push({
      first: middle(times.slice(0, TEN)),
      last: middle(times.slice(-TEN)),
      atOnce,
      psOfTen: psOfTen[at] ?? Number.NaN,
      psOfAll: ps(peer),
      removed: 0,
      gone: 0,
    });
  }
  const memory = residentMb(k3c.pid ?? 0);
  const back = await k3c.restart();
  const adopted = ids(k3c).length;
  if (adopted !== total) throw new Error(`k3c: of ${total} containers ${adopted} run after the daemon's return`);
  for (const [at, peer] of peers.entries()) {
    const figure = figures[at];
    if (figure === undefined) continue;
    const started = performance.now();
    timed(peer.cli('rm', '-f', ...ids(peer)));
    figure.removed = performance.now() - started;
    // docker answers when all is gone; behind k3c's answer pods are still being taken away.
    while (peer === k3c && mountsBelow(k3c.state) > 0) spawnSync('sleep', ['0.1']);
    figure.gone = performance.now() - started;
  }
  const row = (what: string, figure: (of: Figures) => number) => {
    const [own = Number.NaN, ...theirs] = figures.map(figure);
    const cells = theirs.map((ms, i) => `${others[i]?.name} ${ms.toFixed(1)} (${(own / ms).toFixed(2)})`);
    return `| ${what} | ${own.toFixed(1)} | | ${cells.join(', ') || '-'} |`;
  };
  return [
    row(`run -d, the first ${TEN}`, ({ first }) => first),
    row(`run -d, the last ${TEN} of ${size.inTurn}`, ({ last }) => last),
    row(`run -d, ${size.atOnce} at once, until the last`, ({ atOnce }) => atOnce),
    row(`ps with ${TEN}`, (of) => of.psOfTen),
    row(`ps with ${total}`, (of) => of.psOfAll),
    row(`rm -f of ${total}, the answer`, ({ removed }) => removed),
    row(`rm -f of ${total}, until nothing is left`, ({ gone }) => gone),
    `| the daemon's return beside ${total}, to the first answer | ${back.toFixed(0)} | | - |`,
    `| memory of the daemon alone with ${total}, MB | ${memory.toFixed(0)} | | - |`,
  ];
}

function timed([file = '', ...args]: readonly string[]): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  if (status !== 0) throw new Error(`${file} ${args.join(' ').slice(0, 200)} ended with ${status}: ${stderr}`);
  return performance.now() - started;
}

async function together(commands: readonly (readonly string[])[]): Promise<number> {
  const started = performance.now();
  await Promise.all(
    commands.map(
      ([file = '', ...args]) =>
        new Promise<void>((resolve, reject) => {
          const child = spawn(file, args, { stdio: 'ignore' });
          child.once('error', reject);
          child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${args.join(' ')}: exit ${code}`))));
        }),
    ),
  );
  return performance.now() - started;
}

const ps = (peer: Peer) => middle(Array.from({ length: LOOKS }, () => timed(peer.cli('ps'))));

function ids(peer: Peer): string[] {
  const [file = '', ...args] = peer.cli('ps', '-q');
  const { stdout } = spawnSync(file, args, { encoding: 'utf8' });
  return stdout.split('\n').filter((id) => id !== '');
}

const middle = (times: readonly number[]) => median(times.toSorted((a, b) => a - b));

function mountsBelow(directory: string): number {
  const table = readFileSync('/proc/self/mountinfo', 'utf8');
  return table.split('\n').filter((line) => line.includes(`${directory}/`)).length;
}

function residentMb(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024;
}
