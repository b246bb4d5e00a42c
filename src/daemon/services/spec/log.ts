/** Where a container's output goes. */
import type { LogOptions } from '../../../api/gen/k3c.ts';
import { checkLogOptions } from '../../engine/containers/log-options.ts';
import type { ContainerSpec } from '../../engine/containers/types.ts';

/** INVALID_ARGUMENT for a driver or an option that k3c does not have. */
export function toLog(message: LogOptions | undefined): ContainerSpec['log'] {
  const log = { driver: message?.driver ?? '', options: message?.options ?? {} };
  checkLogOptions(log);
  return log;
}
