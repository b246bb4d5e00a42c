/** What a container may do, in CRI's words. Most of it is decided once a start, for it depends on the daemon and the host. */
import {
  type LinuxContainerSecurityContext,
  SecurityProfile_ProfileType as ProfileType,
} from '../../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { ownCapabilities } from '../../../../host/capabilities.ts';
import type { ContainerSpec, DeviceSpec } from '../../../state/spec.ts';
import { findGroups, isNumber } from '../users.ts';
import { capabilitiesOf } from './capabilities.ts';
import { checkRuntime } from './check-security.ts';
import { hostDevices } from './host-devices.ts';
import { parseSecurityOptions, type SecurityOptions } from './options.ts';

/** What docker hides and write-protects in /proc and /sys (moby, daemon/pkg/oci/defaults.go). */
export const MASKED_PATHS: readonly string[] = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
export const READONLY_PATHS: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

/** AppArmor's profile by docker's name; containerd loads one of the same rules under a name of its own. */
const DOCKER_APPARMOR = 'docker-default';

/** What of the host counts. */
export interface SecurityHost {
  readonly seccomp: boolean;
  readonly apparmor: boolean;
}

export interface PreparedSecurity {
  readonly options: SecurityOptions;
  /** CAP_CHOWN …; undefined: the default set. */
  readonly capabilities: readonly string[] | undefined;
  readonly devices: readonly DeviceSpec[];
}

/** Looks at what a start depends on. Throws INVALID_ARGUMENT in docker's words for a device or a runtime that is missing. */
export async function prepareSecurity(
  host: { readonly runtimes: ReadonlySet<string> },
  { security, privileged }: ContainerSpec,
): Promise<PreparedSecurity> {
  checkRuntime(security.runtime, host.runtimes);
  // CRI cuts a number that is too large to its width, and would give another group.
  findGroups(security.groupAdd.filter(isNumber), '');
  const { capAdd, capDrop } = security;
  const asked = !privileged && capAdd.length + capDrop.length > 0;
  return {
    options: parseSecurityOptions(security.securityOpt),
    capabilities: asked ? capabilitiesOf(capAdd, capDrop, await ownCapabilities()) : undefined,
    devices: security.devices.length > 0 ? await hostDevices(security.devices, privileged) : [],
  };
}

/**
 * The part of CRI's security context that the security flags decide. containerd makes the default seccomp profile by the
 * capabilities in it; a profile of the user's is put in later, by patchSecurity.
 */
export function criSecurity(
  { privileged, security }: ContainerSpec,
  { options, capabilities }: PreparedSecurity,
  host: SecurityHost,
): Partial<LinuxContainerSecurityContext> {
  const open = privileged || options.systemPathsUnconfined;
  const { seccomp = 'builtin' } = options;
  const builtin = seccomp === 'builtin' && host.seccomp && !privileged;
  return {
    privileged,
    // CRI's ALL in what is added and dropped means something else than docker's: the set is given whole.
    capabilities:
      capabilities === undefined
        ? undefined
        : {
            addCapabilities: capabilities.map((name) => name.replace(/^CAP_/, '')),
            dropCapabilities: ['ALL'],
            addAmbientCapabilities: [],
          },
    noNewPrivs: options.noNewPrivileges,
    seccomp: profile(builtin ? ProfileType.RuntimeDefault : ProfileType.Unconfined),
    apparmor: apparmorProfile(options.apparmor, privileged, host),
    maskedPaths: open ? [] : [...MASKED_PATHS],
    readonlyPaths: open ? [] : [...READONLY_PATHS],
    supplementalGroups: security.groupAdd.filter(isNumber).map(BigInt),
  };
}

/** Nothing is said where the host has no AppArmor: CRI refuses all that would be. */
function apparmorProfile(name: string | undefined, privileged: boolean, host: SecurityHost) {
  if (!host.apparmor) return undefined;
  if (name === 'unconfined' || (name === undefined && privileged)) return profile(ProfileType.Unconfined);
  if (name === undefined || name === DOCKER_APPARMOR) return profile(ProfileType.RuntimeDefault);
  return { profileType: ProfileType.Localhost, localhostRef: name };
}

function profile(profileType: ProfileType) {
  return { profileType, localhostRef: '' };
}
