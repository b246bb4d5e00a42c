/** What networks cost: starts on each kind, many ports at once, names, and traffic over a published port. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { type Contestant, median, type Result, race, row } from './measure.ts';
import { output } from './must.ts';
import type { Peer } from './peers.ts';

const NAME = 'bench-net';
const NETWORK = 'bench-network';
/** Of the published ports; those of two peers must not meet. */
const FIRST_PORT = 20_000;
const PORTS = 64;
const FILE_MB = 400;

/**
 * Table rows. The image `bench-busybox` is there.
 * @param peers k3c first
 */
export async function networks(peers: readonly Peer[], work: string, runs: number): Promise<string[]> {
  for (const peer of peers) output(peer.cli('network', 'create', NETWORK));
  try {
    return [
      ...starts(peers, runs),
      manyPorts(peers, Math.ceil(runs / 2)),
      ...(await traffic(peers, work, runs)),
      ...names(peers),
    ];
  } finally {
    for (const peer of peers) output(peer.cli('network', 'rm', NETWORK));
  }
}

/** Whole commands, on each kind of network in turn: what a network adds is the difference of two medians of one race. */
function starts(peers: readonly Peer[], runs: number): string[] {
  const kinds: readonly (readonly [what: string, flags: readonly string[]])[] = [
    ['host network', ['--network', 'host']],
    ['default network', []],
    ['default network, a published port', ['-p', '127.0.0.1::80']],
    ['named network', ['--network', NETWORK]],
  ];
  const results = race(
    // Each after a run of another peer: what a run leaves to be done behind its back would count for the next of its own.
    kinds.flatMap(([what, flags]) =>
      peers.map(
        (peer): Contestant => ({
          name: `${peer.name}|${what}`,
          command: peer.cli('run', '--rm', ...flags, 'bench-busybox', 'true'),
        }),
      ),
    ),
    runs,
  );
  const of = ({ name }: Peer, what: string) => results.find((result) => result.name === `${name}|${what}`) as Result;
  return kinds.map(([what]) => {
    const added = peers.map((peer) => of(peer, what).median - of(peer, 'host network').median);
    const cells = added.map((ms, i) => `${peers[i]?.name} ${ms < 0 ? '' : '+'}${ms.toFixed(0)} ms`).join(', ');
    const line = row(
      `run --rm, ${what}`,
      peers.map((peer) => ({ ...of(peer, what), name: peer.name })),
    );
    return what === 'host network' ? line : line.replace(/ \|$/, `; over host: ${cells} |`);
  });
}

function manyPorts(peers: readonly Peer[], runs: number): string {
  const range = (first: number) => `${first}-${first + PORTS - 1}:8000-${8000 + PORTS - 1}`;
  return row(
    `run -d -p of ${PORTS} ports`,
    race(
      peers.map((peer, i) => ({
        name: peer.name,
        command: peer.cli(
          'run',
          '-d',
          '--name',
          NAME,
          '-p',
          range(FIRST_PORT + i * 1000),
          'bench-busybox',
          'sleep',
          '1000',
        ),
        after: () => void output(peer.cli('rm', '-f', NAME)),
      })),
      runs,
    ),
  );
}

interface Fetched {
  readonly ms: number;
  readonly bytes: number;
}

/** One request on a connection of its own, to the last byte. */
function fetchOnce(port: number, path: string): Promise<Fetched> {
  const { promise, resolve, reject } = Promise.withResolvers<Fetched>();
  const started = performance.now();
  const call = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    response.on('end', () => resolve({ ms: performance.now() - started, bytes }));
    response.on('error', reject);
  });
  call.on('error', reject).end();
  return promise;
}

/** busybox's httpd behind a published port, asked from the host's loopback address. */
async function traffic(peers: readonly Peer[], work: string, runs: number): Promise<string[]> {
  const directory = join(work, 'www');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'small'), 'hello\n');
  writeFileSync(join(directory, 'large'), Buffer.alloc(FILE_MB * 1_000_000));
  const port = (i: number) => FIRST_PORT + i;
  peers.forEach((peer, i) => {
    const flags = ['-d', '--name', NAME, '-p', `127.0.0.1:${port(i)}:80`, '-v', `${directory}:/www:ro`];
    output(peer.cli('run', ...flags, 'bench-busybox', 'httpd', '-f', '-p', '80', '-h', '/www'));
  });
  try {
    for (let i = 0; i < peers.length; i += 1) await answers(port(i));
    const requests = await taken(peers.length, runs * 20, async (i) => (await fetchOnce(port(i), '/small')).ms);
    const bulk = await taken(peers.length, Math.ceil(runs / 3), async (i) => {
      const { ms, bytes } = await fetchOnce(port(i), '/large');
      if (bytes !== FILE_MB * 1_000_000) throw new Error(`${peers[i]?.name} sent ${bytes} bytes`);
      return bytes / 1000 / ms;
    });
    const named = (figures: readonly number[]) => (figure: (value: number) => string) =>
      peers.slice(1).map(({ name }, i) => {
        const theirs = figures[i + 1] ?? Number.NaN;
        return `${name} ${figure(theirs)} (${((figures[0] ?? Number.NaN) / theirs).toFixed(2)})`;
      });
    const line = (what: string, figures: readonly number[], figure: (value: number) => string) =>
      `| ${what} | ${figure(figures[0] ?? Number.NaN)} | | ${named(figures)(figure).join(', ') || '-'} |`;
    return [
      line('request over a published port, ms', requests, (ms) => ms.toFixed(2)),
      line(`${FILE_MB} MB over a published port, MB/s`, bulk, (speed) => speed.toFixed(0)),
    ];
  } finally {
    for (const peer of peers) output(peer.cli('rm', '-f', NAME));
  }
}

async function answers(port: number): Promise<void> {
  for (const deadline = Date.now() + 10_000; ; ) {
    try {
      await fetchOnce(port, '/small');
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Medians of what each peer is asked in turn. */
async function taken(peers: number, runs: number, ask: (peer: number) => Promise<number>): Promise<number[]> {
  const figures = Array.from({ length: peers }, (): number[] => []);
  for (let run = 0; run < runs; run += 1) for (let i = 0; i < peers; i += 1) figures[i]?.push(await ask(i));
  return figures.map((list) => median(list.toSorted((a, b) => a - b)));
}

/** A container's own questions for its neighbour's name, from within its network namespace. */
function names(peers: readonly Peer[]): string[] {
  const figures = peers.map((peer) => {
    output(peer.cli('run', '-d', '--name', NAME, '--network', NETWORK, 'bench-busybox', 'sleep', '1000'));
    try {
      const pid = output(peer.cli('inspect', '-f', '{{.State.Pid}}', NAME));
      const [, server = ''] = /nameserver (\S+)/.exec(output(peer.cli('exec', NAME, 'cat', '/etc/resolv.conf'))) ?? [];
      const client = join(import.meta.dirname, 'dns-client.ts');
      const said = output(['nsenter', '-t', pid, '-n', process.execPath, client, server, NAME]);
      return { name: peer.name, ...(JSON.parse(said) as { readonly ms: number; readonly rate: number }) };
    } finally {
      output(peer.cli('rm', '-f', NAME));
    }
  });
  const [own, ...others] = figures;
  const cells = (of: (figure: (typeof figures)[number]) => number, digits: number) =>
    others.map((other) => `${other.name} ${of(other).toFixed(digits)}`).join(', ') || '-';
  return [
    `| name of a neighbour, ms an answer | ${own?.ms.toFixed(2)} | | ${cells(({ ms }) => ms, 2)} |`,
    `| names of neighbours, answers a second | ${own?.rate.toFixed(0)} | | ${cells(({ rate }) => rate, 0)} |`,
  ];
}
