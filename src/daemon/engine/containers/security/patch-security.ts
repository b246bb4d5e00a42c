/** What the security flags ask for and CRI has no words for, written into the OCI specification. */
import { readFile } from 'node:fs/promises';
import type { ContainerRecord } from '../../../state/containers.ts';
import type { EngineContext } from '../context.ts';
import type { OciSpec } from '../oci-spec.ts';
import { isNumber, resolveGroups, resolveUser } from '../users.ts';
import { viewRootfs } from '../view-rootfs.ts';
import { keepCdiEnvironment } from './cdi.ts';
import type { PreparedSecurity } from './cri-security.ts';
import { deviceRules } from './device-rules.ts';
import { invalidSecurity } from './invalid.ts';
import { isProfile } from './options.ts';
import { toOciSeccomp } from './seccomp-profile.ts';

export interface SecurityPatch {
  readonly record: ContainerRecord;
  readonly criId: string;
  readonly security: PreparedSecurity;
  /** The environment that CRI wrote. */
  readonly given: readonly string[];
}

/**
 * Changes the specification in place. What it names of the container's own files is looked up there.
 * Throws INVALID_ARGUMENT in docker's words for a group that is not there.
 */
export async function patchSecurity(
  context: EngineContext,
  spec: OciSpec,
  { record, criId, security: { options }, given }: SecurityPatch,
): Promise<void> {
  const { privileged, security } = record.spec;
  if (!privileged && security.deviceCgroupRules.length > 0) addDeviceRules(spec, security.deviceCgroupRules);
  if (options.writableCgroups !== undefined) setCgroupsWritable(spec, options.writableCgroups);
  if (security.cdiDevices.length > 0) keepCdiEnvironment(spec, record.config.env, given);
  if (isProfile(options.seccomp)) await setSeccomp(context, spec, options.seccomp);
  else leaveOutX32(spec);
  const groups = await groupsByName(context, record, criId);
  if (groups.length > 0) addGroups(spec, groups);
}

/**
 * The default profile without x32, an ABI that no distribution's programs use and most kernels lack: libseccomp compiles a filter
 * a third smaller, which takes some 8 ms off every start. A program of that ABI is ended by SIGSYS.
 */
export function leaveOutX32(spec: OciSpec): void {
  const { seccomp } = spec.linux;
  const architectures = seccomp?.['architectures'];
  if (!Array.isArray(architectures)) return;
  spec.linux.seccomp = { ...seccomp, architectures: architectures.filter((name) => name !== 'SCMP_ARCH_X32') };
}

async function setSeccomp(context: EngineContext, spec: OciSpec, text: string): Promise<void> {
  if (!context.seccomp)
    throw invalidSecurity('seccomp is not enabled in your kernel, cannot run a custom seccomp profile');
  const seccomp = toOciSeccomp(text, {
    bounding: spec.process.capabilities?.bounding ?? [],
    arch: 'amd64',
    kernel: await readFile('/proc/sys/kernel/osrelease', 'utf8'),
  });
  if (seccomp === undefined) delete spec.linux.seccomp;
  else spec.linux.seccomp = seccomp;
}

/** After what is there: of two rules for a device the later one counts. */
export function addDeviceRules(spec: OciSpec, rules: readonly string[]): void {
  const resources = spec.linux.resources ?? {};
  spec.linux.resources = { ...resources, devices: [...(resources.devices ?? []), ...deviceRules(rules)] };
}

export function setCgroupsWritable(spec: OciSpec, writable: boolean): void {
  for (const mount of spec.mounts) {
    if (mount.type !== 'cgroup') continue;
    const others = (mount.options ?? []).filter((option) => option !== 'ro' && option !== 'rw');
    mount.options = [...others, writable ? 'rw' : 'ro'];
  }
}

/** More than those that are there already: CRI's, and those of a CDI specification. */
export function addGroups(spec: OciSpec, groups: readonly number[]): void {
  spec.process.user.additionalGids = [...new Set([...(spec.process.user.additionalGids ?? []), ...groups])];
}

/**
 * The groups that only the image knows: those of --group-add by name, and of a user without a group of its own, for CRI leaves
 * one out that has the user's name. root, whom nearly all containers run as, is not worth the look.
 */
async function groupsByName(
  context: EngineContext,
  { config, spec }: ContainerRecord,
  criId: string,
): Promise<readonly number[]> {
  const names = spec.security.groupAdd.filter((name) => !isNumber(name));
  const [user = '', group = ''] = config.user.split(':', 2);
  const lists = group === '' && !['', '0', 'root'].includes(user);
  if (names.length === 0 && !lists) return [];
  return viewRootfs(context, criId, async (root) => [
    ...(lists ? (await resolveUser(root, user)).additionalGids : []),
    ...(await resolveGroups(root, names)),
  ]);
}
