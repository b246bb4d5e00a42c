/** Volumes whose options name something to mount: mounted while somebody holds them. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { unmountDetached } from '../../../host/mount.ts';
import { parseMountOptions } from '../../../host/mount-options.ts';
import { mountsAt } from '../../../host/mount-table.ts';
import type { State } from '../../state/database.ts';
import { mountOf } from './driver-options.ts';
import { mountVolume } from './mount-volume.ts';
import { mountSubpath, unmountSubpath } from './subpath.ts';

const MS_RDONLY = 1;

export interface HeldMountsParts {
  readonly state: Pick<State, 'volumes'>;
  readonly paths: { readonly volumes: string; readonly state: string; readonly helper?: string | undefined };
  readonly locks: { run<T>(key: string, act: () => Promise<T>): Promise<T> };
  /** Aborted when the daemon cannot wait any longer. */
  readonly abandon: AbortSignal;
}

export class HeldMounts {
  readonly #parts: HeldMountsParts;
  /** Who holds a volume, by its name. */
  readonly #holders = new Map<string, Set<string>>();
  /** Where parts of volumes are mounted, by holder. */
  readonly #subpaths = new Map<string, readonly string[]>();

  constructor(parts: HeldMountsParts) {
    this.#parts = parts;
  }

  /**
   * Mounts a volume where its options say so and it is not mounted; its directory exists. It stays until release().
   * @param holder id of a container, or any other word
   * @throws K3cError FAILED_PRECONDITION in docker's words; it is not held then
   */
  async hold(volume: string, holder: string): Promise<void> {
    const { state, paths, abandon } = this.#parts;
    const mount = mountOf(state.volumes.byName(volume)?.options ?? {});
    if (mount === undefined) return;
    const holders = this.#holders.get(volume) ?? new Set();
    this.#holders.set(volume, holders.add(holder));
    try {
      await this.#alone(volume, async () => {
        const target = this.#data(volume);
        if (!mountsAt(target).includes(target)) await mountVolume(paths.helper, mount, target, abandon);
      });
    } catch (error) {
      this.#drop(volume, holder);
      throw error;
    }
  }

  /** Whether a volume's own options say `ro`: a runtime that mounts its directory as writable would undo that. */
  isReadOnly(volume: string): boolean {
    const mount = mountOf(this.#parts.state.volumes.byName(volume)?.options ?? {});
    return mount !== undefined && (parseMountOptions(mount.options).flags & MS_RDONLY) !== 0;
  }

  /**
   * A part of a volume by itself, at a path of its own until release(). The volume is held.
   * @throws K3cError FAILED_PRECONDITION where it is not there
   */
  subpath(volume: string, subpath: string, holder: string): string {
    const at = join(this.#subpathDirectory(), randomUUID());
    mountSubpath(this.#data(volume), subpath, at);
    this.#subpaths.set(holder, [...(this.#subpaths.get(holder) ?? []), at]);
    return at;
  }

  /** Unmounts what nobody else holds. From the call on the holder holds nothing. */
  async release(holder: string): Promise<void> {
    for (const at of this.#subpaths.get(holder) ?? []) unmountSubpath(at);
    this.#subpaths.delete(holder);
    const free = [...this.#holders.keys()].filter((volume) => this.#drop(volume, holder));
    await Promise.all(free.map((volume) => this.#unmountUnheld(volume)));
  }

  /** Unmounts what a daemon that was killed has left mounted and nobody holds. */
  async unmountStale(): Promise<void> {
    const live = new Set([...this.#subpaths.values()].flat());
    for (const name of readdirSync(this.#subpathDirectory())) {
      const at = join(this.#subpathDirectory(), name);
      if (!live.has(at)) unmountSubpath(at);
    }
    const mounted = this.#parts.state.volumes.list().filter(({ options }) => mountOf(options) !== undefined);
    await Promise.all(mounted.map(({ name }) => this.#unmountUnheld(name)));
  }

  /** True when nobody holds it any more, and this holder did. */
  #drop(volume: string, holder: string): boolean {
    const holders = this.#holders.get(volume);
    if (holders?.delete(holder) !== true || holders.size > 0) return false;
    this.#holders.delete(volume);
    return true;
  }

  #unmountUnheld(volume: string): Promise<void> {
    return this.#alone(volume, async () => {
      const data = this.#data(volume);
      if (!this.#holders.has(volume) && mountsAt(data).includes(data)) unmountDetached(data);
    });
  }

  #alone(volume: string, act: () => Promise<void>): Promise<void> {
    return this.#parts.locks.run(`mount of volume ${volume}`, act);
  }

  #subpathDirectory(): string {
    const directory = join(this.#parts.paths.state, 'subpaths');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return directory;
  }

  #data(volume: string): string {
    return join(this.#parts.paths.volumes, volume, '_data');
  }
}
