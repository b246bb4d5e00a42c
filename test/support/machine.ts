/**
 * A machine of a test's own: network, mounts and processes apart from all others, with a disk that outlives its reboot. A daemon
 * of the packaged binary runs on it, beside the tools of the test machine or in an empty root that has none.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { binary, type Result, run } from './binary.ts';
import { writeBusyboxImage } from './image.ts';
import { removeCgroupTree } from './sweep.ts';

const ask = join(import.meta.dirname, 'ask.ts');
const answerServer = join(import.meta.dirname, 'answer-server.ts');

export interface MachineOptions {
  /** Whether the daemon and its client see a root with nothing but /proc /sys /dev /tmp, the binary and an image. */
  readonly empty?: boolean;
  /** A command line before the daemon's; it must not fork. */
  readonly wrapper?: readonly string[];
  /** More flags for `k3c daemon`. */
  readonly flags?: readonly string[];
}

/** Of a machine that was just switched on: mounts, the loopback device, a process 1 that reaps. */
const BOOT = `
  # Copies of the mounts of other tests would keep their namespaces and directories alive.
  cut -d' ' -f5 /proc/self/mountinfo | grep -E '^/(tmp|run|var)/' | sort -r | while read mount; do
    umount -l "$mount" 2>/dev/null || true
  done
  mkdir -p "$D/cgroup" "$D/state"
  mount --rbind /sys/fs/cgroup "$D/cgroup"
  mount -t sysfs sysfs /sys
  mount --rbind "$D/cgroup" /sys/fs/cgroup
  mount -t proc proc /proc
  mount -t tmpfs tmpfs /run
  # Whoever sweeps unpacked programs here sees no process of the other daemons that run from them.
  mkdir -p /var/lib/k3c/rt
  mkdir -p "$D/rt"
  mount --bind "$D/rt" /var/lib/k3c/rt
  mount -t tmpfs tmpfs "$D/state"
  mkdir /run/lock
  ip link set lo up`;

const EMPTY_ROOT = `
  cd "$D/empty"
  mkdir -p proc sys dev tmp
  mount -t proc proc proc
  mount --rbind /sys sys
  mount -t tmpfs -o mode=755 tmpfs dev
  for node in 'null 1 3' 'zero 1 5' 'full 1 7' 'random 1 8' 'urandom 1 9' 'tty 5 0'; do
    set -- $node
    mknod -m 666 "dev/$1" c "$2" "$3"
  done
  mkdir dev/pts
  mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
  ln -s pts/ptmx dev/ptmx
  mount -t tmpfs -o mode=1777 tmpfs tmp`;

const STAY = 'echo up; while :; do sleep 1000 & wait; done';

/** A neighbour: a namespace with one address, joined to the machine by a pair of interfaces. */
export interface Neighbour {
  readonly address: string;
  /** Runs a shell script there. */
  sh(script: string): Promise<Result>;
  /** What `curl` prints of a URL; the words of its failure otherwise. */
  get(url: string): Promise<string>;
  /** What a server there answers to it; see ask.ts. */
  ask(protocol: 'tcp' | 'udp', host: string, port: number): Promise<string>;
  /** Answers on a port with its name and the address that asked. */
  serve(port: number): Promise<void>;
}

export class Machine {
  readonly directory: string;
  readonly bridge = `k3cm${randomInt(0x10_00_00).toString(16)}`;
  /** An archive of busybox as the daemon's machine sees it. */
  readonly image: string;
  readonly #options: MachineOptions;
  readonly #serving: ChildProcess[] = [];
  #log = '';
  #power: ChildProcess | undefined;
  #init = 0;
  #daemon: ChildProcess | undefined;

  private constructor(directory: string, options: MachineOptions) {
    this.directory = directory;
    this.#options = options;
    this.image = options.empty === true ? '/busybox.tar' : join(directory, 'busybox.tar');
  }

  /** Switches a machine on. `await using`, or stop(). */
  static async boot(options: MachineOptions = {}): Promise<Machine> {
    const machine = new Machine(await mkdtemp(join(tmpdir(), 'k3c-machine-')), options);
    try {
      const disk = join(machine.directory, options.empty === true ? 'empty' : '.');
      await mkdir(disk, { recursive: true });
      await writeBusyboxImage(disk, 'docker.io/library/busybox:latest');
      if (options.empty === true) await copyFile(binary, join(disk, 'k3c'));
      await machine.powerOn();
    } catch (error) {
      await machine.stop();
      throw error;
    }
    return machine;
  }

  async powerOn(): Promise<void> {
    const script = ['set -e', BOOT, this.#options.empty === true ? EMPTY_ROOT : '', STAY].join('\n');
    const apart = ['-n', '-m', '-p', '-f', '--kill-child', '--propagation', 'private'];
    // It ends with the test, however that ends.
    const power = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...apart, 'sh', '-c', script], {
      env: { ...process.env, D: this.directory },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#power = power;
    await Promise.race([
      once(power.stdout, 'data'),
      once(power, 'exit').then(([code]) => Promise.reject(new Error(`the machine does not come up: ${code}`))),
    ]);
    const init = await childOf(power);
    if (init === undefined) throw new Error('the machine has no first process');
    this.#init = init;
  }

  /** All processes end at once and what the kernel knew is gone: interfaces, rules, mounts, what lay in memory. The disk stays. */
  async powerOff(): Promise<void> {
    const power = this.#power;
    this.#power = undefined;
    this.#daemon = undefined;
    if (power === undefined) return;
    const exited = once(power, 'exit');
    power.kill('SIGKILL');
    await exited;
    for (let i = 0; i < 500 && (await exists(`/proc/${this.#init}`)); i++) await sleep(10);
    for (const child of this.#serving.splice(0)) child.stdout?.destroy();
    await removeCgroupTree(`k3c-${this.bridge}`);
  }

  #enter(): string[] {
    return ['-t', String(this.#init), '-m', '-n', '-p', '--'];
  }

  /** The binary's command line on this machine. */
  #k3c(args: readonly string[]): [command: string, args: string[]] {
    const { empty, wrapper = [] } = this.#options;
    const before = args[0] === 'daemon' ? wrapper : [];
    if (empty === true)
      return [
        'nsenter',
        [...this.#enter(), 'env', '-i', '/usr/sbin/chroot', `${this.directory}/empty`, '/k3c', ...args],
      ];
    const address = `K3C_ADDRESS=${join(this.directory, 'state/k3c.sock')}`;
    return ['nsenter', [...this.#enter(), 'env', ...before, ...(before.length > 0 ? [] : [address]), binary, ...args]];
  }

  /** Runs a shell script on the machine, with the tools of the test machine. */
  sh(script: string): Promise<Result> {
    return run('nsenter', [...this.#enter(), 'sh', '-ec', script]);
  }

  /** The same, for one that must succeed: what it printed. */
  async do(script: string): Promise<string> {
    const { code, stdout, stderr } = await this.sh(script);
    if (code !== 0) throw new Error(`${script}: exit ${code}: ${stderr}`);
    return stdout.trimEnd();
  }

  k3c(args: readonly string[], input: string | Buffer = ''): Promise<Result> {
    return run(...this.#k3c(args), { input });
  }

  /** For commands that must succeed: what they printed. */
  async ok(args: readonly string[], input: string | Buffer = ''): Promise<string> {
    const { code, stdout, stderr } = await this.k3c(args, input);
    if (code !== 0) throw new Error(`k3c ${args.join(' ')}: exit ${code}: ${stderr}`);
    return stdout.trimEnd();
  }

  /** All that daemons have logged here. */
  log(): string {
    return this.#log;
  }

  /** The messages of level warning and above. */
  warnings(): { readonly msg: string; readonly [field: string]: unknown }[] {
    return this.#log
      .split('\n')
      .filter((line) => /"level":"(warn|error|fatal)"/.test(line))
      .map((line) => JSON.parse(line));
  }

  /** Starts the daemon and waits until it serves. */
  async startDaemon(): Promise<void> {
    const { empty, flags = [] } = this.#options;
    const places =
      empty === true ? [] : ['--root', join(this.directory, 'root'), '--state', join(this.directory, 'state')];
    const own = [...places, '--bridge-name', this.bridge, '--log-format', 'json', ...flags];
    const child = spawn(...this.#k3c(['daemon', ...own]), { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.on('data', (data: Buffer) => {
      this.#log += data.toString();
    });
    this.#daemon = child;
    for (let i = 0; i < 600; i++) {
      if (child.exitCode !== null) throw new Error(`the daemon ended:\n${this.#log}`);
      if ((await this.k3c(['version'])).code === 0) return;
      await sleep(100);
    }
    throw new Error(`the daemon does not serve:\n${this.#log}`);
  }

  /** Ends the daemon; containers stay as they are. */
  async endDaemon(signal: NodeJS.Signals): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const exited = once(daemon, 'exit');
    // nsenter has forked, for the process namespace's sake.
    const pid = await childOf(daemon);
    if (pid !== undefined) process.kill(pid, signal);
    await exited;
    this.#daemon = undefined;
  }

  /**
   * What is there of interfaces, packet rules (without their counters), addresses' routes, mounts and processes of the engine: two
   * of these tell what a daemon has left, or has taken from others.
   */
  async footprint(): Promise<string[]> {
    const text = await this.do(`ls /sys/class/net | sed 's/^/link /'
      ip route | sed 's/^/route /'
      nft -s list ruleset | sed 's/^/rule /'
      cut -d' ' -f5 /proc/self/mountinfo | sort | sed 's/^/mount /'
      cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -oE '/(k3c|containerd|containerd-shim[^ ]*|buildkitd|runc) ' | sed 's/^/process /' || true`);
    return text.split('\n');
  }

  /** Loads busybox. */
  async load(): Promise<void> {
    await this.ok(['load', '-q', '-i', this.image]);
  }

  async neighbour(name: string, options: { address: string; gateway: string; mtu?: number }): Promise<Neighbour> {
    const { address, gateway, mtu = 1500 } = options;
    await this.do(`ip netns add ${name}
      ip link add h-${name} mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns ${name}
      ip -n ${name} link set lo up
      ip -n ${name} address add ${address}/24 dev eth0
      ip -n ${name} link set eth0 up
      ip link set h-${name} up
      ip address add ${gateway}/24 dev h-${name}`);
    const command = (...words: readonly string[]) => [...this.#enter(), 'ip', 'netns', 'exec', name, ...words];
    return {
      address,
      sh: (script) => run('nsenter', command('sh', '-ec', script)),
      get: (url) => get(command('curl', '-sS', '-m', '3', url)),
      ask: async (...words) => (await run('nsenter', command(process.execPath, ask, ...words.map(String)))).stdout,
      serve: (port) => this.#serve(command, name, address, port),
    };
  }

  /** Answers on a port of the machine itself with its name, `host`, and the address that asked. */
  serve(address: string, port: number): Promise<void> {
    return this.#serve((...words) => [...this.#enter(), ...words], 'host', address, port);
  }

  async #serve(
    command: (...words: readonly string[]) => string[],
    name: string,
    address: string,
    port: number,
  ): Promise<void> {
    const words = command(process.execPath, answerServer, name, address, String(port));
    const child = spawn('nsenter', words, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#serving.push(child);
    await once(child.stdout, 'data');
  }

  /** What `curl` on the machine itself prints of a URL; the words of its failure otherwise. */
  get(url: string): Promise<string> {
    return get([...this.#enter(), 'curl', '-sS', '-m', '3', url]);
  }

  /** What a server answers to the machine itself; see ask.ts. */
  async ask(protocol: 'tcp' | 'udp', host: string, port: number): Promise<string> {
    return (await run('nsenter', [...this.#enter(), process.execPath, ask, protocol, host, String(port)])).stdout;
  }

  /** Switches off and removes the disk. Safe to call twice. */
  async stop(): Promise<void> {
    await this.powerOff();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

async function get(words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run('nsenter', words);
  return (code === 0 ? stdout : stderr).trim();
}

/** The process that a child has forked; undefined: none, or it has ended. Never 0, which to kill(2) is the tests' own group. */
async function childOf({ pid }: ChildProcess): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return Number(text.trim().split(' ')[0]) || undefined;
}

async function exists(path: string): Promise<boolean> {
  return readdir(path).then(
    () => true,
    () => false, // a process that has ended meanwhile
  );
}
