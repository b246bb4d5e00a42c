/** Namespaces and cgroup parent as docker checks and completes them (moby: verifyPlatformContainerSettings, adaptContainerSettings). */
import { posix } from 'node:path';
import { Code, K3cError } from '../../../../api/errors.ts';
import type { ContainerSpec, IsolationSpec } from '../../../state/spec.ts';
import type { KernelLimits } from './kernel-limits.ts';

export interface IsolationHost {
  readonly kernel: Pick<KernelLimits, 'unified' | 'cgroupNamespaces'>;
  /** systemd makes the groups, which are slices then. */
  readonly systemd: boolean;
  /** The id of the container that a user means; undefined where there is none. */
  readonly idOf: (reference: string) => string | undefined;
}

export interface CheckedIsolation {
  readonly isolation: IsolationSpec;
  readonly warnings: readonly string[];
}

/** What cannot be right is refused: INVALID_ARGUMENT in docker's words. A container that is to be joined may yet be made. */
export function checkIsolation(
  spec: Pick<ContainerSpec, 'isolation' | 'hostname'>,
  host: IsolationHost,
): CheckedIsolation {
  const asked = spec.isolation;
  if (!/^($|none$|private$|shareable$|host$|container:)/.test(asked.ipcMode))
    refuse(`invalid IPC mode: ${asked.ipcMode}`);
  if (!/^($|host$|container:.)/s.test(asked.pidMode)) refuse(`invalid PID mode: ${asked.pidMode}`);
  if (!/^($|host$)/.test(asked.utsMode)) refuse(`invalid UTS mode: ${asked.utsMode}`);
  if (!/^($|host$)/.test(asked.usernsMode)) refuse(`invalid user namespace mode: ${asked.usernsMode}`);
  if (!/^($|host$|private$)/.test(asked.cgroupnsMode)) refuse(`invalid cgroup namespace mode: ${asked.cgroupnsMode}`);
  if (asked.utsMode === 'host' && spec.hostname !== '') refuse('conflicting options: hostname and the UTS mode');
  if (asked.cgroupParent !== '') checkParent(asked.cgroupParent, host.systemd);
  const warnings: string[] = [];
  let cgroupnsMode = asked.cgroupnsMode || (host.kernel.unified ? 'private' : 'host');
  if (cgroupnsMode === 'private' && !host.kernel.cgroupNamespaces) {
    if (asked.cgroupnsMode !== '')
      warnings.push('Your kernel does not support cgroup namespaces.  Cgroup namespace setting discarded.');
    cgroupnsMode = 'host';
  }
  return {
    isolation: {
      ...asked,
      cgroupnsMode,
      // By id: the other one may be renamed.
      pidMode: byId(asked.pidMode, host.idOf),
      ipcMode: byId(asked.ipcMode || 'private', host.idOf),
    },
    warnings,
  };
}

/** Above the pod's groups, as CRI takes it: a slice, or a path from the root of the hierarchy, as dockerd's own group mostly is. */
export function cgroupParentOf({ cgroupParent }: Pick<IsolationSpec, 'cgroupParent'>, usual: string): string {
  if (cgroupParent === '') return usual;
  return cgroupParent.endsWith('.slice') ? cgroupParent : posix.join('/', cgroupParent);
}

function checkParent(parent: string, systemd: boolean): void {
  const slice = /(^|\/).+\.slice$/.test(parent);
  if (systemd && !slice) refuse('cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"');
  // containerd takes any parent of this name for one of systemd's.
  if (!systemd && slice)
    refuse(`cgroup-parent "${parent}" names a slice, but this daemon's groups are not made by systemd`);
  if (parent.split('/').includes('..')) refuse(`invalid cgroup-parent "${parent}": it must not contain ".."`);
}

function byId(mode: string, idOf: IsolationHost['idOf']): string {
  const reference = /^container:(.*)$/s.exec(mode)?.[1];
  const id = reference === undefined ? undefined : idOf(reference);
  return id === undefined ? mode : `container:${id}`;
}

function refuse(message: string): never {
  throw new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input' });
}
