/** One round of work that ends with a kill: who was told what. */
import type { Daemon } from './k3c.ts';

/** What the daemon has said of a container, network or volume; `begun`: it has not answered yet. */
export type Said = 'begun' | 'running' | 'created' | 'exited' | 'gone';

/** What was asked of a daemon and answered until something is killed. */
export class Round {
  readonly #daemon: Daemon;
  readonly number: number;
  readonly said = new Map<string, Said>();
  readonly pods = new Map<string, Said>();
  readonly networks = new Map<string, Said>();
  /** Whether the container of that name is on the network of that name. */
  readonly places = new Map<string, 'on' | 'off' | 'begun'>();
  killed = false;
  /** Creates that got no answer. */
  cutOff = 0;

  constructor(daemon: Daemon, number: number) {
    this.#daemon = daemon;
    this.number = number;
  }

  /** Something is about to be done to it: from now on nothing is sure of it. */
  begin<V>(said: Map<string, V | 'begun'>, name: string): void {
    if (!this.killed) said.set(name, 'begun');
  }

  /** Carries out a command; says whether it was answered before the kill. A failure that the kill does not excuse fails the test. */
  async act(args: readonly string[], isCreate = false): Promise<boolean> {
    if (this.killed) return false;
    const { code, stderr } = await this.#daemon.k3c(args);
    if (code === 0) return true;
    if (!this.killed) throw new Error(`k3c ${args.join(' ')}: exit ${code}: ${stderr}`);
    if (isCreate) this.cutOff += 1;
    return false;
  }

  async start(name: string, words: readonly string[]): Promise<boolean> {
    this.begin(this.said, name);
    if (!(await this.act(words, true))) return false;
    this.said.set(name, 'running');
    return true;
  }

  async remove(name: string): Promise<boolean> {
    this.begin(this.said, name);
    if (!(await this.act(['rm', '-f', '-v', name]))) return false;
    this.said.set(name, 'gone');
    return true;
  }
}
