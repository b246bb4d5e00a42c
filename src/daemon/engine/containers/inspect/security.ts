/** What of the security flags stands in `HostConfig`. */
import type { ContainerSpec } from '../../../state/spec.ts';
import { MASKED_PATHS, READONLY_PATHS } from '../security/cri-security.ts';
import { parseSecurityOptions } from '../security/options.ts';

/** The client of docker turns this option into empty lists of paths, and the document shows those alone. */
const SYSTEM_PATHS = /^systempaths[=:]unconfined$/;

export function securityOf({ security, privileged }: ContainerSpec): Record<string, unknown> {
  const options = security.securityOpt.filter((option) => !SYSTEM_PATHS.test(option));
  const paths = (list: readonly string[]) =>
    privileged ? null : options.length < security.securityOpt.length ? [] : list;
  return {
    CapAdd: orNull(security.capAdd),
    CapDrop: orNull(security.capDrop),
    GroupAdd: orNull(security.groupAdd),
    Privileged: privileged,
    SecurityOpt: orNull(options),
    Runtime: security.runtime || 'runc',
    MaskedPaths: paths(MASKED_PATHS),
    ReadonlyPaths: paths(READONLY_PATHS),
  };
}

/** The profile that a host with AppArmor applies, by docker's name of the default. */
export function appArmorProfile({ security, privileged }: ContainerSpec): string {
  return parseSecurityOptions(security.securityOpt).apparmor ?? (privileged ? 'unconfined' : 'docker-default');
}

/** docker has null, and not an empty list, for what was not given. */
function orNull<T>(list: readonly T[]): readonly T[] | null {
  return list.length > 0 ? list : null;
}
