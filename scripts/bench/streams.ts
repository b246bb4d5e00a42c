/** How fast bytes come out of containers and go into them: whole commands on a file of random bytes, in MB/s. */

import { randomBytes } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Contestant, race } from './measure.ts';
import { must } from './must.ts';
import type { Peer } from './peers.ts';

const NAME = 'bench-streams';

/** A command with a file as its input. */
function fed(file: string, command: readonly string[]): string[] {
  return ['sh', '-c', 'file=$1; shift; exec "$@" <"$file"', 'sh', file, ...command];
}

/**
 * A table row a way. The image `bench-busybox` is there. k3c runs twice: through its front door, and as a process of its own.
 * @param peers k3c first; those that have no attach that can be compared are left out by the caller
 */
export function streams(peers: readonly Peer[], work: string, megabytes: number, runs: number): string[] {
  const file = join(work, 'bulk');
  const handle = openSync(file, 'w');
  for (let i = 0; i < megabytes; i++) writeSync(handle, randomBytes(1_000_000));
  closeSync(handle);

  type Ask = (peer: Peer) => Omit<Contestant, 'name'>;
  const rows: string[] = [];
  const ask = (what: string, of: Ask) => {
    const contestants = peers.flatMap((peer) => [
      { name: peer.name, ...of(peer) },
      ...(peer.name === 'k3c' ? [{ name: 'own process', ...of(peer), env: { K3C_DOOR: 'off' } }] : []),
    ]);
    const [k3c, ...others] = race(contestants, runs).map(({ name, median, least, most }) => ({
      name,
      median: (megabytes * 1000) / median,
      least: (megabytes * 1000) / most,
      most: (megabytes * 1000) / least,
    }));
    if (k3c === undefined) return;
    const cells = others.map(
      ({ name, median }) => `${name} ${median.toFixed(0)} (${(k3c.median / median).toFixed(2)})`,
    );
    rows.push(
      `| ${what}, MB/s | ${k3c.median.toFixed(0)} | ${k3c.least.toFixed(0)} to ${k3c.most.toFixed(0)} | ${cells.join(', ')} |`,
    );
  };

  const mount = ['-v', `${file}:/bulk:ro`];
  for (const peer of peers) must(peer.cli('run', '-d', '--name', NAME, ...mount, 'bench-busybox', 'sleep', '100000'));
  ask('out of exec', (peer) => ({ command: peer.cli('exec', NAME, 'cat', '/bulk') }));
  ask('into exec -i', (peer) => ({ command: fed(file, peer.cli('exec', '-i', NAME, 'sh', '-c', 'cat >/dev/null')) }));
  for (const peer of peers) must(peer.cli('rm', '-f', NAME));

  ask('out of run, with the log', (peer) => ({
    command: peer.cli('run', '--rm', ...mount, 'bench-busybox', 'cat', '/bulk'),
  }));
  ask('into run -i', (peer) => ({
    command: fed(file, peer.cli('run', '--rm', '-i', 'bench-busybox', 'sh', '-c', 'cat >/dev/null')),
  }));
  // The container waits for a line, so that its output begins when the client is there.
  const waits = ['bench-busybox', 'sh', '-c', 'read x; exec cat /bulk'];
  ask('out of attach, without a log', (peer) => ({
    before: () => must(peer.cli('run', '-di', '--name', NAME, '--log-driver', 'none', ...mount, ...waits)),
    command: ['sh', '-c', 'echo go | "$@"', 'sh', ...peer.cli('attach', NAME)],
    after: () => must(peer.cli('rm', '-f', NAME)),
  }));
  return rows;
}
