/** What older versions were unpacked to, and who still needs it. */
import { readdir, readlink, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openLocked } from '../host/lock.ts';

const treeName = /^[0-9a-f]{32}$/;
const lockName = /^\.lock-([0-9a-f]{32})$/;
const temporaryName = /^\.tmp-(\d+)-/;

export interface SweepOptions {
  /** Name of the tree that stays whatever its age. */
  readonly current: string;
  /** How many stay in all, the newest; at least 1. */
  readonly keep: number;
  /** Whether trees have lock files, as the launcher makes them. */
  readonly hasLocks: boolean;
}

/** What the kernel says processes were started from; a process that ends meanwhile or is not ours to see counts for nothing. */
async function runningPrograms(): Promise<string[]> {
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const programs = await Promise.all(processes.map((pid) => readlink(`/proc/${pid}/exe`).catch(() => '')));
  return programs.filter((path) => path !== '');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function lockOf(base: string, tree: string): string {
  return join(base, `.lock-${tree}`);
}

/**
 * Shares the lock of a tree, so that nobody removes it, however little of this process he sees: daemons in several PID namespaces may
 * have one base. Returns what gives the lock back; the kernel does so too. Rejects when the tree is just being made or removed.
 */
export async function holdTree(base: string, tree: string): Promise<() => Promise<void>> {
  const path = lockOf(base, tree);
  const file = await openLocked(path, 'shared');
  if (file === undefined) throw new Error(`${path} is locked`);
  return () => file.close();
}

/** Does something about a tree that nobody holds, with its lock, which goes then; nothing when somebody does. */
async function unlessHeld(base: string, tree: string, act: () => Promise<void>): Promise<void> {
  const path = lockOf(base, tree);
  const file = await openLocked(path, 'exclusive');
  try {
    if (file === undefined) return;
    await act();
    await rm(path, { force: true });
  } finally {
    await file?.close();
  }
}

/** Milliseconds since the epoch; 0 for what another daemon has just removed. */
async function changedAt(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

/**
 * Removes unpacked trees in `base` that are named by a digest: all but `current`, the newest, those that a process runs from and
 * those that are held. Also removes what killed unpackers left (`.tmp-PID-*`), and lock files of trees that are gone.
 */
export async function sweepTrees(base: string, { current, keep, hasLocks }: SweepOptions): Promise<void> {
  const names = await readdir(base);
  for (const name of names) {
    const pid = temporaryName.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(base, name), { recursive: true, force: true });
    const tree = lockName.exec(name)?.[1];
    // One that is being filled is held.
    if (hasLocks && tree !== undefined && !names.includes(tree)) await unlessHeld(base, tree, () => Promise.resolve());
  }
  const trees = names.filter((name) => treeName.test(name) && name !== current);
  if (trees.length < keep) return;
  const aged = await Promise.all(trees.map(async (name) => ({ name, time: await changedAt(join(base, name)) })));
  const old = aged.sort((a, b) => b.time - a.time).slice(keep - 1);
  const programs = await runningPrograms();
  for (const { name } of old) {
    const inside = `${join(base, name)}/`;
    if (programs.some((path) => path.startsWith(inside))) continue;
    const remove = () => rm(join(base, name), { recursive: true, force: true });
    await (hasLocks ? unlessHeld(base, name, remove) : remove());
  }
}
