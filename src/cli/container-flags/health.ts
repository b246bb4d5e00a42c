/** The flags of a container's health check. */
import type { Option } from 'commander';
import type { HealthCheck } from '../../api/gen/k3c.ts';
import { CliError } from '../errors.ts';
import { parseGoDuration } from '../flags/durations.ts';
import { flag, value } from '../flags/option.ts';
import { parseInteger } from '../flags/sizes.ts';

export interface HealthFlags {
  readonly healthCmd?: string;
  readonly healthInterval?: bigint;
  readonly healthRetries?: number;
  readonly healthStartInterval?: bigint;
  readonly healthStartPeriod?: bigint;
  readonly healthTimeout?: bigint;
  /** `--no-healthcheck` makes it false. */
  readonly healthcheck?: boolean;
}

export function healthFlags(): Option[] {
  const duration = (flags: string, description: string) =>
    value(flags, `${description} (ms|s|m|h) (default 0s)`, parseGoDuration);
  return [
    value('--health-cmd <string>', 'Command to run to check health'),
    duration('--health-interval <duration>', 'Time between running the check'),
    value('--health-retries <int>', 'Consecutive failures needed to report unhealthy', parseInteger),
    duration('--health-start-interval <duration>', 'Time between running the check during the start period'),
    duration(
      '--health-start-period <duration>',
      'Start period for the container to initialize before starting health-retries countdown',
    ),
    duration('--health-timeout <duration>', 'Maximum time to allow one check to run'),
    flag('--no-healthcheck', 'Disable any container-specified HEALTHCHECK'),
  ];
}

/** Undefined where none is given, or all are zero: the image's check counts. Throws CliError with docker's sentences. */
export function toHealthCheck(flags: HealthFlags): HealthCheck | undefined {
  const check: HealthCheck = {
    test: flags.healthCmd ? ['CMD-SHELL', flags.healthCmd] : [],
    interval: flags.healthInterval ?? 0n,
    timeout: flags.healthTimeout ?? 0n,
    startPeriod: flags.healthStartPeriod ?? 0n,
    startInterval: flags.healthStartInterval ?? 0n,
    retries: flags.healthRetries ?? 0,
  };
  const { interval, timeout, startPeriod, startInterval, retries } = check;
  const durations = [interval, timeout, startPeriod, startInterval];
  const asked = check.test.length > 0 || durations.some((each) => each !== 0n) || retries !== 0;
  if (flags.healthcheck === false) {
    if (asked) throw new CliError('--no-healthcheck conflicts with --health-* options');
    return { ...check, test: ['NONE'] };
  }
  if (!asked) return undefined;
  for (const [name, given] of Object.entries({ interval, timeout, retries }))
    if (given < 0) throw new CliError(`--health-${name} cannot be negative`);
  if (startPeriod < 0) throw new CliError('--health-start-period cannot be negative');
  if (startInterval < 0) throw new CliError('--health-start-interval cannot be negative');
  return check;
}
