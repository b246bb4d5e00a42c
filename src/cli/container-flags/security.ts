/** The flags of what a container may do and which devices it has. --privileged and --user are in container-flags.ts. */
import type { Option } from 'commander';
import { Security } from '../../api/gen/k3c.ts';
import { CliError } from '../errors.ts';
import { checkDeviceCgroupRule, isCdiName, parseDevice, parseGpus } from '../flags/devices.ts';
import { value, values } from '../flags/option.ts';
import { readSecurityOption } from '../flags/security-options.ts';

export interface SecurityFlags {
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly device?: readonly string[];
  readonly deviceCgroupRule?: readonly string[];
  /** CDI names, a list a flag. */
  readonly gpus?: readonly (readonly string[])[];
  readonly groupAdd?: readonly string[];
  readonly runtime?: string;
  readonly securityOpt?: readonly string[];
}

export function securityFlags(): Option[] {
  return [
    values('--cap-add <list>', 'Add Linux capabilities'),
    values('--cap-drop <list>', 'Drop Linux capabilities'),
    values('--device <list>', 'Add a host device to the container'),
    values('--device-cgroup-rule <list>', 'Add a rule to the cgroup allowed devices list', checkDeviceCgroupRule),
    values('--gpus <gpu-request>', "GPU devices to add to the container ('all' to pass all GPUs)", parseGpus),
    values('--group-add <list>', 'Add additional groups to join'),
    value('--runtime <string>', 'Runtime to use for this container'),
    values('--security-opt <list>', 'Security Options'),
  ];
}

/** Undefined where none is given. Reads the files that they name. Throws CliError with docker's sentences. */
export async function toSecurity(flags: SecurityFlags, cwd: string): Promise<Security | undefined> {
  const { device = [], gpus = [], securityOpt = [] } = flags;
  const security = Security.fromPartial({
    capAdd: [...(flags.capAdd ?? [])],
    capDrop: [...(flags.capDrop ?? [])],
    devices: await readDevices(device.filter((text) => !isCdiName(text))),
    deviceCgroupRules: [...(flags.deviceCgroupRule ?? [])],
    cdiDevices: [...device.filter(isCdiName), ...gpus.flat()],
    groupAdd: [...(flags.groupAdd ?? [])],
    runtime: flags.runtime ?? '',
  });
  for (const option of securityOpt) security.securityOpt.push(await readSecurityOption(option, cwd));
  return Object.values(security).some((value) => value.length > 0) ? security : undefined;
}

async function readDevices(texts: readonly string[]): Promise<Security['devices']> {
  try {
    return (await Promise.all(texts.map(parseDevice))).flat();
  } catch (cause) {
    throw new CliError((cause as Error).message, { cause });
  }
}
