/** What a container may do beyond the default set, or less. */
import type { Security } from '../../../api/gen/k3c.ts';
import type { SecuritySpec } from '../../engine/containers/types.ts';

/** An absent message is one that asks for nothing. */
export function toSecurity(message: Security | undefined): SecuritySpec {
  return {
    capAdd: message?.capAdd ?? [],
    capDrop: message?.capDrop ?? [],
    securityOpt: message?.securityOpt ?? [],
    devices: message?.devices ?? [],
    deviceCgroupRules: message?.deviceCgroupRules ?? [],
    cdiDevices: message?.cdiDevices ?? [],
    groupAdd: message?.groupAdd ?? [],
    runtime: message?.runtime ?? '',
  };
}
