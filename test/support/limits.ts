/** Limits of containers, as `inspect` and their own cgroups have them. */
import { existsSync } from 'node:fs';
import type { Daemon } from './k3c.ts';

export const MB = 1 << 20;

/** The files looked at are those of cgroup v1; what v2 makes of the same limits is runc's work. */
export function skipWithoutV1(): string | false {
  return existsSync('/sys/fs/cgroup/cgroup.controllers') ? 'cgroup v2' : false;
}

/** Looks at the containers of a daemon, which need not run yet. */
export function limitsOf(daemon: () => Daemon) {
  const shell = (name: string, script: string) => daemon().ok(['exec', name, 'sh', '-c', script]);
  return {
    hostConfig: async (name: string) =>
      JSON.parse(await daemon().ok(['inspect', '-f', '{{json .HostConfig}}', name])) as Record<string, unknown>,
    shell,
    /** A file of the container's own cgroup, read in there. */
    limit: (name: string, file: string) => shell(name, `cat /sys/fs/cgroup/${file}`),
  };
}
