/**
 * Tests of the network run in a network namespace of their own, with mounts and processes of their own too, so that
 * nothing they do reaches the machine and everything ends with them.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');
const nlx = join(root, 'vendor-bin/bin/test/nlx');
const insideVariable = 'K3C_TEST_INSIDE_NETNS';

/** Whether this process is the inner run. */
export function insideNetworkNamespace(): boolean {
  return process.env[insideVariable] === '1';
}

/** Runs a test file again in fresh namespaces with netlink sockets; fails with its output. */
export async function runInNetworkNamespace(file: string, signal: AbortSignal): Promise<void> {
  const prepare =
    'mount -t sysfs sysfs /sys && mkdir -p /run/netns && mount -t tmpfs tmpfs /run && mkdir /run/netns && mount --bind /run/netns /run/netns && mount --make-shared /run/netns && ip link set lo up && exec "$@"';
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const child = spawn(
    'unshare',
    [
      '-n',
      '-m',
      '-p',
      '-f',
      '--kill-child',
      '--mount-proc',
      'sh',
      '-c',
      prepare,
      'sh',
      nlx,
      process.execPath,
      '--test-reporter=spec',
      file,
    ],
    {
      env: { ...environment, [insideVariable]: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      killSignal: 'SIGKILL',
    },
  );
  const output: Buffer[] = [];
  child.stdout.on('data', (data: Buffer) => output.push(data));
  child.stderr.on('data', (data: Buffer) => output.push(data));
  const [code] = await once(child, 'close');
  const text = Buffer.concat(output).toString();
  assert.equal(code, 0, text);
  if (process.env['K3C_TEST_VERBOSE']) process.stderr.write(text);
}

/** Runs a command line and returns what it prints; the words are separated by blanks. */
export function sh(command: string): string {
  return execFileSync('sh', ['-ec', command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Whether a program of the test machine is there. */
export function hasCommand(name: string): boolean {
  try {
    sh(`command -v ${name}`);
    return true;
  } catch {
    return false; // command -v says so by its exit code
  }
}

/** A namespace joined to the host by a pair of interfaces. */
export interface Peer {
  readonly name: string;
  readonly address: string;
  /** Runs a node script in it and returns what it prints. */
  node(script: string, ...args: readonly string[]): Promise<string>;
  /** Starts a node script in it, waits for its first line, and lets it run until the test's namespaces end. */
  serve(script: string, ...args: readonly string[]): Promise<void>;
}

/** Makes a namespace; `bridge` plugs it in as a pod would be, without one the host's end gets `gateway` itself. */
export function makePeer(options: {
  name: string;
  address: string;
  prefix: number;
  gateway: string;
  bridge?: string;
  mtu: number;
}): Peer {
  const { name, address, prefix, gateway, bridge, mtu } = options;
  const hostEnd = `h-${name}`;
  sh(`ip netns add ${name}
    ip link add ${hostEnd} mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${name}
    ip netns exec ${name} ip link set lo up
    ip netns exec ${name} ip address add ${address}/${prefix} dev eth0
    ip netns exec ${name} ip link set eth0 up
    ip link set ${hostEnd} up
    ${bridge === undefined ? `ip address add ${gateway}/${prefix} dev ${hostEnd}` : `ip link set ${hostEnd} master ${bridge}; ip link set ${hostEnd} type bridge_slave hairpin on; ip netns exec ${name} ip route add default via ${gateway}`}`);
  const command = (script: string, args: readonly string[]): string[] => [
    'netns',
    'exec',
    name,
    process.execPath,
    script,
    ...args,
  ];
  return {
    name,
    address,
    node: async (script, ...args) => (await promisify(execFile)('ip', command(script, args))).stdout,
    serve: async (script, ...args) => {
      const child = spawn('ip', command(script, args), { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(child.stdout, 'data');
      // It ends with the test's process namespace and keeps nobody waiting.
      child.unref();
      child.stdout.destroy();
    },
  };
}
