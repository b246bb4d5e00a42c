/** Takes away what a containerd leaves behind when it ends: shims, containers, mounts. Safe to call twice. */
import { execFile } from 'node:child_process';
import { readdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Ends every container and shim of the containerd whose sockets are in `state`. */
export async function killTasks(state: string, runc: string): Promise<void> {
  // The containers first, while their shims are there to reap them.
  for (const namespace of await namesIn(join(state, 'runc'))) {
    const root = join(state, 'runc', namespace);
    for (const id of await namesIn(root)) {
      await run(runc, ['--root', root, 'delete', '--force', id]).catch(() => {
        // A state file that was never finished: there is no process behind it.
      });
    }
  }
  const shims = await processesWith(['containerd-shim-runc-v2', join(state, 'containerd.sock')]);
  for (const pid of shims) signal(pid, 'SIGKILL');
  for (let i = 0; i < 100 && (await processesWith(['containerd-shim-runc-v2', state])).length > 0; i++) await sleep(20);
}

/** Unmounts everything at or below these directories, innermost first. */
export async function unmountUnder(directories: readonly string[]): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replaceAll('\\040', ' '))
    .filter((path) => directories.some((directory) => path === directory || path.startsWith(`${directory}/`)))
    .reverse();
  for (const path of mounts) await run('umount', ['-l', path]);
}

/** Ids of the processes whose arguments contain all of these strings. */
export async function processesWith(words: readonly string[]): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const cmdline = (await readFile(`/proc/${name}/cmdline`, 'utf8')).replaceAll('\0', ' ');
      if (words.every((word) => cmdline.includes(word))) found.push(Number(name));
    } catch {
      // The process ended between the listing and the look at it.
    }
  }
  return found;
}

/** Removes a cgroup, `/name`, with all in it, from every hierarchy that has it. Its processes have ended. */
export async function removeCgroupTree(name: string): Promise<void> {
  for (const hierarchy of ['', ...(await namesIn('/sys/fs/cgroup'))]) {
    const path = join('/sys/fs/cgroup', hierarchy, name);
    await run('find', [path, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';']).catch(() => {
      // This hierarchy has none.
    });
  }
}

/** Removes an empty cgroup, `/name`, from every hierarchy that has it. */
export async function removeCgroup(name: string): Promise<void> {
  for (const hierarchy of ['', ...(await namesIn('/sys/fs/cgroup'))]) {
    await rmdir(join('/sys/fs/cgroup', hierarchy, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
    });
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
