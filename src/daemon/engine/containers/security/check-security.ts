/** What can be known to be wrong when a container is created. Devices and groups are looked up when it starts, as docker does. */
import { ownCapabilities } from '../../../../host/capabilities.ts';
import type { ContainerSpec } from '../../../state/spec.ts';
import { checkCapabilities } from './capabilities.ts';
import { deviceRules } from './device-rules.ts';
import { invalidSecurity } from './invalid.ts';
import { isProfile, parseSecurityOptions } from './options.ts';
import { toOciSeccomp } from './seccomp-profile.ts';

export interface SecurityCheckHost {
  readonly runtimes: ReadonlySet<string>;
  readonly seccomp: boolean;
}

/** Throws INVALID_ARGUMENT in docker's words. */
export async function checkSecurity(host: SecurityCheckHost, { security, privileged }: ContainerSpec): Promise<void> {
  if (security.capAdd.length + security.capDrop.length > 0)
    checkCapabilities(security.capAdd, security.capDrop, await ownCapabilities());
  const { seccomp } = parseSecurityOptions(security.securityOpt);
  if (isProfile(seccomp)) {
    if (!host.seccomp)
      throw invalidSecurity('seccomp is not enabled in your kernel, cannot run a custom seccomp profile');
    toOciSeccomp(seccomp, { bounding: [], arch: 'amd64', kernel: '0.0' });
  }
  if (seccomp === 'builtin' && privileged)
    throw invalidSecurity(
      'conflicting options: --privileged and the builtin seccomp profile',
      'give the profile as a file: --security-opt seccomp=FILE',
    );
  deviceRules(security.deviceCgroupRules);
  checkRuntime(security.runtime, host.runtimes);
}

/** @param runtimes what the daemon's configuration has besides runc */
export function checkRuntime(name: string, runtimes: ReadonlySet<string>): void {
  if (name === '' || name === 'runc' || runtimes.has(name)) return;
  throw invalidSecurity(
    `unknown or invalid runtime name: ${name}`,
    `the runtimes of this daemon are ${['runc', ...runtimes].join(', ')}; more are added with 'k3c daemon --add-runtime NAME=PATH'`,
  );
}

/** What a container asks for and this host does nothing about, as docker, which says nothing, does. */
export function securityWarnings({ security }: ContainerSpec, host: { readonly apparmor: boolean }): readonly string[] {
  const { apparmor, labels } = parseSecurityOptions(security.securityOpt);
  const warnings: string[] = [];
  if (apparmor !== undefined && apparmor !== 'unconfined' && !host.apparmor)
    warnings.push(`This host has no AppArmor. The profile ${apparmor} is not applied.`);
  const used = labels.filter((label) => label !== 'disable');
  if (used.length > 0) warnings.push(`k3c does not label containers for SELinux. Discarded: ${used.join(', ')}`);
  return warnings;
}
