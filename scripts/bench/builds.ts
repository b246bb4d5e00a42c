/** Builds: k3c, buildctl on a BuildKit of its own, and dockerd, each on the same contexts in turn. */
import { join } from 'node:path';
import { startEngine } from '../../test/support/engine.ts';
import { type BuildContext, largeContext, manyFilesContext, randomContext, sourcesContext } from './contexts.ts';
import type { Contestant } from './measure.ts';
import type { Peer } from './peers.ts';

export type Ask = (
  what: string,
  peers: readonly Peer[],
  contestant: (peer: Peer) => Omit<Contestant, 'name'>,
  runs: number,
) => void;

/**
 * @param builders k3c first; all have the image `bench-busybox`
 * @param ask races them and prints a row
 */
export async function builds(
  builders: readonly Peer[],
  project: string,
  work: string,
  ask: Ask,
  quick: boolean,
): Promise<void> {
  const engine = await startEngine({ root: join(work, 'bare'), state: join(work, 'b') });
  const buildctl: Peer = {
    name: 'buildctl',
    cli: (...args) => [
      join(project, 'vendor-bin/bin/test/buildctl'),
      '--addr',
      `unix://${engine.buildkitdSocket}`,
      ...args,
    ],
    canBuild: true,
    stop: () => Promise.resolve(),
  };
  const [k3c, ...others] = builders;
  if (k3c === undefined) return;
  const all = [k3c, buildctl, ...others];
  process.env['DOCKER_BUILDKIT'] = '1';
  const runs = quick ? 3 : 9;
  const changed = (what: string, peers: readonly Peer[], context: BuildContext, count: number) =>
    ask(
      what,
      peers,
      (peer) => ({ command: build(peer, context.path), before: (run) => context.edit(`${peer.name} ${run}`) }),
      count,
    );
  const unchanged = (what: string, peers: readonly Peer[], context: BuildContext, count: number) =>
    ask(what, peers, (peer) => ({ command: build(peer, context.path) }), count);
  try {
    const sources = sourcesContext(work, 'FROM scratch');
    unchanged('build, nothing changed', all, sources, runs);
    changed('build, one file of 200 changed', all, sources, runs);
    const runnable = sourcesContext(work, 'FROM bench-busybox');
    ask(
      'one file of 200 changed: build it and run a container of it',
      builders,
      (peer) => ({
        command: both(build(peer, runnable.path), peer.cli('run', '--rm', 'bench', 'true')),
        before: (run) => runnable.edit(`${peer.name} ${run}`),
      }),
      runs,
    );
    if (quick) return;
    // Two builders: what the others add here is minutes.
    const many = manyFilesContext(work, 20_000);
    changed('build, 20,000 small files, all new', [k3c, buildctl], many, 3);
    unchanged('build, 20,000 small files, nothing changed', [k3c, buildctl], many, 5);
    const large = largeContext(work, 1024);
    changed('build, a file of 1 GB, new', [k3c, buildctl], large, 3);
    unchanged('build, a file of 1 GB, nothing changed', [k3c, buildctl], large, 5);
    const random = randomContext(work, 400);
    ask('build, a layer of 400 MB', all, (peer) => ({ command: build(peer, random, '--no-cache') }), 3);
  } finally {
    await engine.stop();
  }
}

function build(peer: Peer, path: string, ...options: readonly string[]): string[] {
  if (peer.name !== 'buildctl') return peer.cli('build', '-t', 'bench', ...options, path);
  const locals = ['--local', `context=${path}`, '--local', `dockerfile=${path}`];
  const output = ['--output', 'type=image,name=docker.io/library/bench,unpack=true'];
  return peer.cli('build', '--frontend', 'dockerfile.v0', ...locals, ...output, ...options);
}

/** Two command lines one after the other, as one. */
function both(first: readonly string[], second: readonly string[]): string[] {
  const words = (command: readonly string[]) => command.map((word) => `'${word}'`).join(' ');
  return ['/bin/sh', '-c', `${words(first)} && ${words(second)}`];
}
