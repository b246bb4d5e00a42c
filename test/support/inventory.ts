/**
 * Everything that a daemon holds, a line each, so that two looks can be compared: what is there more than before is a leak, of whatever
 * kind it is. For daemons in a network namespace of their own, where every link, rule and socket is theirs.
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { toolPath } from './engine.ts';
import type { Daemon } from './k3c.ts';
import { cgroupTree, mounts, processes } from './leftovers.ts';

const run = promisify(execFile);

/** Clean-up goes on in the background after the answer; on a loaded machine for seconds. */
const PATIENCE_MS = 20_000;

/** Directories whose content is one thing, and files that are always there or are another daemon's of the same root each time. */
const PRUNED = [
  '*/io.containerd.snapshotter.v1.*/snapshots/*',
  '*/io.containerd.content.v1.content',
  '*/root/engine',
  '*/root/buildkit',
  '*/root/containerd/tmpmounts',
];

/** containerd's server of streams, on a port of its own at every start. */
const STREAMING = /"containerd"/;

/**
 * What is there now: processes other than the daemon's own three, mounts, cgroups, files below root and state (leases, FIFOs, namespaces, snapshots, logs,
 * volumes are all files), links, packet rules, listening sockets, and containerd's records.
 *
 * @param netns the name of the daemon's network namespace (ip-netns(8))
 */
export async function inventory(daemon: Daemon, netns: string): Promise<ReadonlySet<string>> {
  const { directory, root, state, bridge } = daemon;
  const ctr = async (...words: string[]) => {
    const args = ['-a', `${state}/containerd.sock`, '-n', 'k8s.io', ...words];
    const { stdout } = await run(toolPath('ctr'), args, { maxBuffer: 16 << 20 });
    return linesOf(stdout).map((line) => `ctr ${words[0]} ${line.trim().replace(/\s+/g, ' ')}`);
  };
  const inside = async (what: string, program: string, ...args: string[]) => {
    const { stdout } = await run('ip', ['netns', 'exec', netns, program, ...args], { maxBuffer: 16 << 20 });
    return linesOf(stdout).map((line) => `${what} ${line.trim().replace(/\s+/g, ' ')}`);
  };
  const prune = PRUNED.flatMap((path) => ['-path', path, '-prune', '-printf', '%y %p\n', '-o']);
  const found = await Promise.all([
    processes(directory).then((all) => all.filter((text) => !isOwn(text, daemon))),
    mounts(directory),
    cgroupTree(bridge),
    run('find', [root, state, ...prune, '-printf', '%y %p\n'], { maxBuffer: 16 << 20 })
      // A file that went while find looked at its directory.
      .catch((error: { stdout: string }) => error)
      .then(({ stdout }) => linesOf(stdout).map((line) => `file ${line}`)),
    inside('link', 'ip', '-o', 'link').then((all) => all.map((text) => text.split(' ').slice(0, 3).join(' '))),
    inside('address', 'ip', '-o', 'address').then((all) => all.map((text) => text.split(' ').slice(0, 5).join(' '))),
    inside('nft', 'nft', '-s', 'list', 'ruleset'),
    inside('socket', 'ss', '-lntupH').then((all) => all.filter((text) => !STREAMING.test(text)).map(withoutOwner)),
    ctr('containers', 'ls', '-q'),
    ctr('tasks', 'ls', '-q'),
    ctr('sandboxes', 'ls'),
    ctr('leases', 'ls', '-q'),
    ctr('snapshots', 'ls'),
    ctr('images', 'ls', '-q'),
    ctr('content', 'ls', '-q'),
    ctr('content', 'active'),
  ]);
  return new Set(found.flat());
}

/**
 * What is there more than before; gives what is being cleared away its time. Empty: nothing. What nothing refers to containerd collects
 * when it comes to it, and in a snapshotter only after a snapshot was removed there: so the caller removes a container first.
 */
export async function grown(daemon: Daemon, netns: string, before: ReadonlySet<string>): Promise<string[]> {
  const deadline = performance.now() + PATIENCE_MS;
  const leases = ['-a', `${daemon.state}/containerd.sock`, '-n', 'k8s.io', 'leases'];
  for (;;) {
    await run(toolPath('ctr'), [...leases, 'create', '--id', 'collecting']);
    await run(toolPath('ctr'), [...leases, 'delete', '--sync', 'collecting']);
    const now = await inventory(daemon, netns).catch(unanswered);
    const more = [...now].filter((line) => !before.has(line));
    if (more.length === 0 || performance.now() > deadline) return more.toSorted();
    await sleep(200);
  }
}

function unanswered(error: Error): ReadonlySet<string> {
  return new Set([`cannot look: ${error.message}`]);
}

function isOwn(text: string, { pid, state }: Daemon): boolean {
  return text.startsWith(`process ${pid}:`) || /(containerd|buildkitd) --config /.test(text.replace(state, ''));
}

/** Without the process that listens. */
function withoutOwner(socket: string): string {
  return socket.split(' ').slice(0, 6).join(' ');
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
