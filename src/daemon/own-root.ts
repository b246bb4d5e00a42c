/**
 * A daemon in a chroot starts runc in a root of its own (src/launcher/own_root.c): a container's mount namespace that is made below a
 * chroot has the machine's root, and `exec` would run there, outside of the container.
 */
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { childHelperPath } from '../bundle/program.ts';
import type { Log } from '../host/log.ts';
import { runProcess } from '../host/process.ts';

/** OCI runtimes by the names of their CRI handlers. */
export type Runtimes = Readonly<Record<string, string>>;

/**
 * What containerd and buildkitd are to call: the runtimes themselves, or in a chroot links in a directory that go through our helper.
 * The links stay the same from daemon to daemon, for shims keep the paths.
 */
export async function runtimesOfRoot<R extends Runtimes>(
  directory: string,
  runtimes: R,
  log: Log,
  helper = childHelperPath(),
): Promise<R> {
  const { code } = await runProcess(helper, ['--in-chroot']);
  if (code !== 0) return runtimes;
  log.info({ directory }, 'the daemon runs in a chroot: each runc gets a mount namespace with a root of its own');
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const linked = await Promise.all(
    Object.entries(runtimes).map(async ([name, program]) => {
      const link = join(directory, name);
      await pointTo(`${link}.program`, program);
      await pointTo(link, helper);
      return [name, link] as const;
    }),
  );
  return Object.fromEntries(linked) as R;
}

/** Shims may look at this very moment: a link points to the old place or to the new one. */
async function pointTo(link: string, target: string): Promise<void> {
  await rm(`${link}.new`, { force: true });
  await symlink(target, `${link}.new`);
  await rename(`${link}.new`, link);
}
