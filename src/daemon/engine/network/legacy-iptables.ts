/**
 * Passage through the chains of the legacy iptables. What they hold cannot be read or changed over netlink, so this goes through the
 * host's own program: where there are such rules, the program that made them is there, too. Without it a warning says what to do.
 */
import { readFile } from 'node:fs/promises';
import type { Log } from '../../../host/log.ts';
import { runProcess } from '../../../host/process.ts';
import type { NamePassage } from './foreign-input.ts';

/** Rules that others have taken away are put back after so many looks. */
const LOOKS_BETWEEN = 10;
/** Where distributions have it, and how it is called where there is no other one. */
const PROGRAMS = ['iptables-legacy', 'iptables'] as const;
/** Waits for the lock that all of them take. */
const WAIT = ['-w', '5'];

/** What is to pass: everything from and to bridges, questions for names. */
export interface LegacyWanted {
  readonly bridges: readonly string[];
  readonly names: readonly NamePassage[];
}

export interface LegacyOptions {
  /** Marks the rules as this daemon's. */
  readonly owner: string;
  readonly wanted: () => LegacyWanted;
  readonly log: Log;
}

type Wanted = ReadonlyMap<string, readonly string[]>;

export class LegacyIptables {
  readonly #options: LegacyOptions;
  /** Undefined: not looked for yet, or not there. */
  #program: string | undefined;
  #warned = false;
  #looks = 0;
  #used = false;
  /** One change at a time: two would find the same rule missing. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: LegacyOptions) {
    this.#options = options;
  }

  /** Called at start and with every look at the packet rules: costs one small file of /proc where no legacy rule is in use. */
  async check(): Promise<void> {
    if ((await legacyFilterInUse()) && this.#looks++ % LOOKS_BETWEEN === 0) await this.#then(() => this.#wanted());
  }

  /** What is wanted has changed: the next look sees to it. */
  changed(): void {
    this.#looks = 0;
  }

  /** Takes all of our rules away. */
  async dispose(): Promise<void> {
    if (this.#used) await this.#then(() => ({ FORWARD: new Map(), INPUT: new Map() }));
  }

  #then(wanted: () => Readonly<Record<'FORWARD' | 'INPUT', Wanted>>): Promise<void> {
    this.#last = this.#last.then(async () => {
      try {
        await this.#sync(wanted());
      } catch (err) {
        this.#options.log.warn({ err }, 'cannot let containers through the chains of legacy iptables');
      }
    });
    return this.#last;
  }

  #wanted(): Readonly<Record<'FORWARD' | 'INPUT', Wanted>> {
    const { bridges, names } = this.#options.wanted();
    const comment = (...words: readonly (string | number)[]) => `${this.#prefix()}${words.join('/')}`;
    const passing = bridges.flatMap((bridge): [string, string[]][] => [
      [comment('from', bridge), ['-i', bridge]],
      [comment('to', bridge), ['-o', bridge]],
    ]);
    const asking = names.flatMap(({ bridge, port }) =>
      ['udp', 'tcp'].map((protocol): [string, string[]] => [
        comment('names', bridge, protocol, port),
        ['-i', bridge, '-p', protocol, '--dport', String(port)],
      ]),
    );
    return { FORWARD: new Map(passing), INPUT: new Map(asking) };
  }

  #prefix(): string {
    return `k3c/${this.#options.owner}/`;
  }

  /** Makes our rules in both chains exactly these, at the head, and only where a packet that nobody knows would be dropped. */
  async #sync(wanted: Readonly<Record<'FORWARD' | 'INPUT', Wanted>>): Promise<void> {
    const program = await this.#find();
    if (program === undefined) return;
    this.#used = true;
    for (const [chain, rules] of Object.entries(wanted)) {
      const lines = (await run(program, [...WAIT, '-S', chain])).split('\n');
      const present = lines.flatMap((line) => commentOf(line, this.#prefix()) ?? []);
      const kept: Wanted = drops(lines) || present.length > 0 ? rules : new Map();
      for (const line of lines) {
        const comment = commentOf(line, this.#prefix());
        if (comment !== undefined && !kept.has(comment)) await run(program, [...WAIT, '-D', ...wordsOf(line)]);
      }
      for (const [comment, match] of kept) {
        if (present.includes(comment)) continue;
        await run(program, [...WAIT, '-I', chain, ...match, '-m', 'comment', '--comment', comment, '-j', 'ACCEPT']);
      }
    }
  }

  async #find(): Promise<string | undefined> {
    if (this.#program !== undefined) return this.#program;
    for (const name of PROGRAMS) {
      try {
        const version = await run(name, ['--version']);
        // Those before 1.8 know no other kind and do not say so.
        if (!version.includes('nf_tables')) {
          this.#program = name;
          return name;
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    if (!this.#warned) this.#warn();
    this.#warned = true;
    return undefined;
  }

  #warn(): void {
    const { wanted, log } = this.#options;
    const openings = wanted().bridges.flatMap((bridge) =>
      ['-i', '-o'].map((side) => `iptables-legacy -I FORWARD ${side} ${bridge} -j ACCEPT`),
    );
    log.warn(
      { openings },
      'legacy iptables is in use here, and its program is not in PATH: if its FORWARD chain drops, containers are cut off until these ' +
        'commands are run',
    );
  }
}

/** Whether the filter table of the legacy iptables is in use in this network namespace. */
export async function legacyFilterInUse(): Promise<boolean> {
  try {
    return (await readFile('/proc/net/ip_tables_names', 'utf8')).split('\n').includes('filter');
  } catch (error) {
    // A kernel without legacy iptables; or one that shows the list only to a process with CAP_NET_ADMIN.
    if (['ENOENT', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** Whether a chain, as `iptables -S` prints it, drops what no rule knows: by its policy, or by a last rule without a condition. */
export function drops(lines: readonly string[]): boolean {
  return lines.some((line) => /^-P \S+ DROP$|^-A \S+ -j (DROP|REJECT)\b/.test(line));
}

/** The comment of a rule of ours. */
export function commentOf(line: string, prefix: string): string | undefined {
  const comment = / --comment "?([^" ]+)"? /.exec(line)?.[1];
  return comment?.startsWith(prefix) === true ? comment : undefined;
}

/** What follows `-A`. No word of a rule of ours has a blank in it. */
function wordsOf(line: string): string[] {
  return line.replaceAll('"', '').split(' ').slice(1);
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProcess(program, args);
  if (code === 0) return stdout.toString();
  throw new Error(`${program} ${args.join(' ')}: exit ${code}: ${stderr.toString().trim()}`);
}
