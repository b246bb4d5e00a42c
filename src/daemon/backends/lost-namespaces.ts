/**
 * Network namespaces that a killed containerd had made for a sandbox and not yet written down: nobody would take them
 * away, and with them would stay an interface on the bridge.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { unmountDetached } from '../../host/mount.ts';

/**
 * Removes the namespaces below containerd's state directory that no process is in. Before every start of containerd, and
 * only while none runs. One of a sandbox whose processes have ended goes too: CRI takes its absence for done.
 *
 * @returns how many there were
 */
export async function removeLostNamespaces(containerdState: string): Promise<number> {
  const directory = join(containerdState, 'io.containerd.grpc.v1.cri/netns');
  const names = (await readdir(directory).catch(gone)) ?? [];
  if (names.length === 0) return 0;
  const used = await namespacesInUse();
  let removed = 0;
  for (const name of names) {
    const path = join(directory, name);
    const identity = await identify(path);
    if (identity === undefined || used.has(identity)) continue;
    unmountDetached(path);
    await rm(path, { force: true });
    removed += 1;
  }
  return removed;
}

async function namespacesInUse(): Promise<ReadonlySet<string>> {
  const used = new Set<string>();
  for (const name of await readdir('/proc')) {
    const identity = /^\d+$/.test(name) ? await identify(`/proc/${name}/ns/net`) : undefined;
    if (identity !== undefined) used.add(identity);
  }
  return used;
}

/** Two paths to one namespace have the same device and inode (namespaces(7)). */
async function identify(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(hidden);
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}

/** Also a process that we may not look at: it has more rights than we have, so it is in no pod of ours. */
function hidden(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'EACCES' || error.code === 'EPERM') return undefined;
  return gone(error);
}

function gone(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ESRCH') return undefined;
  throw error;
}
