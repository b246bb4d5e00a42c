/** What a daemon has left on the host: for tests, which must find nothing. */
import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { toolPath } from './engine.ts';

const run = promisify(execFile);

/** Clean-up goes on in the background after the answer; on a loaded machine for seconds. */
const PATIENCE_MS = 15_000;

export interface Footprint {
  /** Above the daemon's root and state. */
  readonly directory: string;
  readonly bridge: string;
  /** Bridges of the networks that users made. */
  readonly networks?: readonly string[];
}

/** The bridge of a network that a user made. */
export function bridgeOf(networkId: string): string {
  return `k3c-${networkId.slice(0, 11)}`;
}

/**
 * What is left of a daemon that was stopped with no container: processes, mounts (network namespaces are mounts), cgroups, FIFOs,
 * addresses, files of namespaces, links, rules of its own and in the chains of others. Each thing in words of its own.
 */
export function leftovers(footprint: Footprint): Promise<string[]> {
  return untilNone(async () =>
    (
      await Promise.all([
        processes(footprint.directory),
        mounts(footprint.directory),
        cgroupTree(footprint.bridge),
        files(join(footprint.directory, 'state')),
        links(footprint),
        rules(footprint),
      ])
    ).flat(),
  );
}

/** What a daemon still holds that serves and has no container: all but the daemon, its children, the bridge and the rules. */
export function heldForNoContainer(footprint: Footprint): Promise<string[]> {
  const state = join(footprint.directory, 'state');
  return untilNone(async () =>
    (
      await Promise.all([
        processes(footprint.directory).then((all) => all.filter((text) => text.includes('containerd-shim'))),
        mounts(footprint.directory),
        files(state),
        bridgePorts(footprint),
        ctr(state, 'containers', 'ls', '-q'),
        ctr(state, 'tasks', 'ls', '-q'),
        ctr(state, 'leases', 'ls').then((leases) => leases.filter((text) => /k3c-|ls: /.test(text))),
      ])
    ).flat(),
  );
}

async function untilNone(look: () => Promise<string[]>): Promise<string[]> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found.length === 0 || performance.now() > deadline) return found;
    await sleep(100);
  }
}

/** Processes that name the directory, and those whose root file system lies in it: containers. */
export async function processes(directory: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await list('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    try {
      const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
      const root = (await readFile(`/proc/${pid}/mountinfo`, 'utf8'))
        .split('\n')
        .find((line) => line.split(' ')[4] === '/');
      const program = await readlink(`/proc/${pid}/exe`);
      if ([command, root, program].some((text) => text?.includes(directory))) found.push(`process ${pid}: ${command}`);
    } catch {
      // It ended meanwhile, or is a thread of the kernel.
    }
  }
  return found;
}

/** Mounts below a directory. */
export async function mounts(directory: string): Promise<string[]> {
  const table = await readFile('/proc/self/mountinfo', 'utf8');
  return table
    .split('\n')
    .filter((line) => line.includes(`${directory}/`))
    .map((line) => `mount ${line.split(' ')[4]}`);
}

/** The cgroup of a daemon in every hierarchy that has it, and all below. */
export async function cgroupTree(bridge: string): Promise<string[]> {
  const parents = ['', ...(await list('/sys/fs/cgroup'))].map((name) => join('/sys/fs/cgroup', name, `k3c-${bridge}`));
  const { stdout } = await run('find', [...parents, '-type', 'd']).catch((error: { stdout?: string }) => error);
  return (stdout ?? '')
    .split('\n')
    .filter((path) => path !== '')
    .map((path) => `cgroup ${path}`);
}

/**
 * FIFOs, addresses given out, network namespaces and runc's records, anywhere below the state directory. A dead shim's socket may stay
 * until the next start.
 */
async function files(state: string): Promise<string[]> {
  const { stdout } = await run('find', [
    ...[state, '-type', 'p', '-o', '-path', '*/cni/leases/*/[0-9]*', '-type', 'f', '-o', '-path', '*/netns/*', '-o'],
    ...['-path', '*/runc/k8s.io/*', '-name', 'state.json'],
  ]).catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }));
  return stdout
    .split('\n')
    .filter((path) => path !== '')
    .map((path) => `file ${path}`);
}

async function links({ bridge, networks = [] }: Footprint): Promise<string[]> {
  return (await list('/sys/class/net'))
    .filter((name) => name === bridge || networks.includes(name))
    .map((name) => `link ${name}`);
}

async function bridgePorts({ bridge, networks = [] }: Footprint): Promise<string[]> {
  const ports = [bridge, ...networks].map(async (name) =>
    (await list(`/sys/class/net/${name}/brif`)).map((port) => `port ${port} of ${name}`),
  );
  return (await Promise.all(ports)).flat();
}

/** Its tables of any family, and what in the chains of others names one of its bridges. */
async function rules({ bridge, networks = [] }: Footprint): Promise<string[]> {
  const { stdout } = await run('nft', ['list', 'ruleset'], { maxBuffer: 64 << 20 });
  // Another daemon's name may begin with this one's.
  const names = new RegExp(`(${[bridge, ...networks].join('|')})(?![0-9a-z])`);
  return stdout
    .split('\n')
    .filter((line) => names.test(line))
    .map((line) => `nft ${line.trim()}`);
}

async function ctr(state: string, ...words: string[]): Promise<string[]> {
  const answer = run(toolPath('ctr'), ['-a', join(state, 'containerd.sock'), '-n', 'k8s.io', ...words]);
  // It may just be started again.
  const { stdout } = await answer.catch((error: { stderr: string }) => ({ stdout: `${words[1]}: ${error.stderr}` }));
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `${words[0]} ${line}`);
}

async function list(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
