/** What is mounted into a container, for its file system while it does not run: as docker mounts it then. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import type { ContainerRecord } from '../../../state/containers.ts';
import type { ResolvedMount } from '../../../state/spec.ts';
import type { EngineContext } from '../context.ts';
import { filesOf } from '../host-side.ts';
import { openSource } from '../volumes.ts';

/**
 * Arguments of k3c-files that mount volumes, directories of the host and the network's files. Tmpfs has nothing in it then.
 * @param holder of the volumes, which are released when k3c-files is done
 */
export async function mountArgs(context: EngineContext, record: ContainerRecord, holder: string): Promise<string[]> {
  const args: string[] = [];
  const mounts = record.config.mounts.filter(({ type }) => type !== 'tmpfs');
  for (const mount of mounts) {
    const source = mount.volume === '' ? mount.source : await openSource(context, mount, holder);
    // A directory of the host that is not there is made by the next start, or refused by it.
    if (existsSync(source)) args.push('mount', mount.readOnly ? 'ro' : 'rw', source, mount.target);
  }
  const files = filesOf(context, record);
  for (const [source, target] of [
    [files.hosts, '/etc/hosts'],
    [files.hostname, '/etc/hostname'],
    [files.resolvConf, '/etc/resolv.conf'],
  ] as const) {
    const taken = mounts.some((mount) => mount.target === target);
    if (!taken && existsSync(source)) args.push('mount', 'rw', source, target);
  }
  return args;
}

/** Gives an act a name under which it holds volumes, and releases them when it is over. */
export async function holding<T>(context: EngineContext, act: (holder: string) => Promise<T>): Promise<T> {
  const holder = `files ${randomUUID()}`;
  try {
    return await act(holder);
  } finally {
    await context.volumeMounts.release(holder);
  }
}

/** The mount that a path in the container lies in; the innermost. */
export function mountOf(record: ContainerRecord, path: string): ResolvedMount | undefined {
  return record.config.mounts.findLast(({ target }) => path === target || path.startsWith(posix.join(target, '/')));
}
