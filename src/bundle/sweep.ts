import { readdir, readlink, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const treeName = /^[0-9a-f]{32}$/;
const temporaryName = /^\.tmp-(\d+)-/;

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

/**
 * Removes unpacked trees in `base` that are named by a digest: all but `current`, the `keep` newest, and those that a process
 * runs from. Also removes what killed unpackers left (`.tmp-PID-*`).
 */
export async function sweepTrees(base: string, current: string, keep: number): Promise<void> {
  const names = await readdir(base);
  for (const name of names) {
    const pid = temporaryName.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(base, name), { recursive: true, force: true });
  }
  const trees = names.filter((name) => treeName.test(name) && name !== current);
  if (trees.length < keep) return;
  const aged = await Promise.all(trees.map(async (name) => ({ name, time: (await stat(join(base, name))).mtimeMs })));
  const old = aged.sort((a, b) => b.time - a.time).slice(keep - 1);
  const programs = await runningPrograms();
  for (const { name } of old) {
    const inside = `${join(base, name)}/`;
    if (!programs.some((path) => path.startsWith(inside))) await rm(join(base, name), { recursive: true, force: true });
  }
}
