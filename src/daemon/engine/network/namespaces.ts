/** The network namespaces that the daemon makes itself: a file each, by the owner's id. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeNetns, removeNetns } from '../../../host/netns.ts';
import { raiseLoopback } from './plug.ts';

export class Namespaces {
  readonly #directory: string;
  readonly #owners = new Set<string>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Where an owner's would be, whether it is there or not. */
  place(owner: string): string {
    return join(this.#directory, owner);
  }

  /** Where it is; undefined for one who has none of ours. */
  pathOf(owner: string): string | undefined {
    const path = this.place(owner);
    return this.#owners.has(owner) && existsSync(path) ? path : undefined;
  }

  /**
   * Makes the owner's. Returns its path.
   * @param loopback whether its loopback device is up at once, and not when something is plugged in
   */
  open(owner: string, loopback: boolean): string {
    mkdirSync(this.#directory, { recursive: true, mode: 0o711 });
    const path = this.place(owner);
    // Of an attempt whose end the daemon missed.
    removeNetns(path);
    makeNetns(path);
    // From here on close() takes it back, whatever fails.
    this.#owners.add(owner);
    if (loopback) raiseLoopback(path);
    return path;
  }

  /** Takes up what an earlier daemon made; whoever has none is fine. */
  adopt(owner: string): void {
    this.#owners.add(owner);
  }

  /** Lets go of it; one who has none is fine. */
  close(owner: string): void {
    if (!this.#owners.has(owner)) return;
    removeNetns(this.place(owner));
    this.#owners.delete(owner);
  }

  /** Removes those that no owner has taken up: of starts that a killed daemon did not finish. Returns how many. */
  sweep(): number {
    const left = listNames(this.#directory).filter((name) => !this.#owners.has(name));
    for (const name of left) removeNetns(this.place(name));
    return left.length;
  }
}

function listNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    // Nothing was ever plugged in.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
