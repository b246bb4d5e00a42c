/** What a container may do beyond the default set, or less. */
import { isAbsolute } from 'node:path';
import type { Device, Security } from '../../../api/gen/k3c.ts';
import type { SecuritySpec } from '../../engine/containers/types.ts';
import { invalid } from './invalid.ts';

/** An absent message is one that asks for nothing. INVALID_ARGUMENT in docker's words for a device that is none. */
export function toSecurity(message: Security | undefined): SecuritySpec {
  return {
    capAdd: message?.capAdd ?? [],
    capDrop: message?.capDrop ?? [],
    securityOpt: message?.securityOpt ?? [],
    devices: (message?.devices ?? []).map(toDevice),
    deviceCgroupRules: message?.deviceCgroupRules ?? [],
    cdiDevices: message?.cdiDevices ?? [],
    groupAdd: message?.groupAdd ?? [],
    runtime: message?.runtime ?? '',
  };
}

function toDevice({ hostPath, containerPath, permissions }: Device): SecuritySpec['devices'][number] {
  const path = [hostPath, containerPath].find((candidate) => !isAbsolute(candidate));
  if (path !== undefined) throw invalid(`${path} is not an absolute path`);
  if (!/^[rwm]{1,3}$/.test(permissions)) throw invalid(`bad mode specified: ${permissions}`);
  return { hostPath, containerPath, permissions };
}
