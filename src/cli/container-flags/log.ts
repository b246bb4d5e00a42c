/** The flags that say where a container's output goes; the daemon knows which drivers and options there are. */
import type { Option } from 'commander';
import { LogOptions } from '../../api/gen/k3c.ts';
import { CliError } from '../errors.ts';
import { value, values } from '../flags/option.ts';

export interface LogFlags {
  readonly logDriver?: string;
  readonly logOpt?: readonly string[];
}

export function logFlags(): Option[] {
  return [
    value('--log-driver <string>', 'Logging driver for the container'),
    values('--log-opt <list>', 'Log driver options'),
  ];
}

/** Undefined where none is given. An option without a value is an empty one, as in docker. */
export function toLog({ logDriver = '', logOpt = [] }: LogFlags): LogOptions | undefined {
  if (logDriver === '' && logOpt.length === 0) return undefined;
  if (logDriver === 'none' && logOpt.length > 0) throw new CliError('invalid logging opts for driver none');
  const options = logOpt.map((text) => {
    const at = text.indexOf('=');
    return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
  });
  return LogOptions.fromPartial({ driver: logDriver, options: Object.fromEntries(options) });
}
