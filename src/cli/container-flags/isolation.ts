/** What says whose namespaces a container shares, and where its cgroup lies. */
import type { Option } from 'commander';
import { Isolation } from '../../api/gen/k3c.ts';
import { CliError } from '../errors.ts';
import { value } from '../flags/option.ts';
import type { SandboxFlags } from './sandbox.ts';

export interface IsolationFlags extends Pick<SandboxFlags, 'cgroupParent' | 'sysctl'> {
  readonly cgroupns?: string;
  readonly ipc?: string;
  readonly pid?: string;
  readonly userns?: string;
  readonly uts?: string;
}

/** Those of run and create alone. */
export function isolationFlags(): Option[] {
  return [
    value(
      '--cgroupns <string>',
      "Cgroup namespace to use: host or private (default: host's on cgroup v1, private on v2)",
    ),
    value('--ipc <string>', 'IPC mode to use'),
    value('--pid <string>', 'PID namespace to use'),
    value('--userns <string>', 'User namespace to use'),
    value('--uts <string>', 'UTS namespace to use'),
  ];
}

/** Undefined where none is given. Throws CliError with docker's sentences (docker/cli, container/opts.go). */
export function toIsolation(flags: IsolationFlags): Isolation | undefined {
  const { cgroupParent = '', cgroupns = '', ipc = '', pid = '', sysctl = [], userns = '', uts = '' } = flags;
  if (pid !== '' && pid !== 'host' && !/^container:./s.test(pid)) throw new CliError('--pid: invalid PID mode');
  if (uts !== '' && uts !== 'host') throw new CliError('--uts: invalid UTS mode');
  if (userns !== '' && userns !== 'host') throw new CliError('--userns: invalid USER mode');
  if (!['', 'host', 'private'].includes(cgroupns)) throw new CliError('--cgroupns: invalid CGROUP mode');
  if ([cgroupParent, cgroupns, ipc, pid, userns, uts].every((text) => text === '') && sysctl.length === 0)
    return undefined;
  return Isolation.fromPartial({
    pidMode: pid,
    ipcMode: ipc,
    utsMode: uts,
    usernsMode: userns,
    cgroupnsMode: cgroupns,
    cgroupParent,
    sysctls: Object.fromEntries(sysctl),
  });
}
