/** What a container's health check is: the user's and the image's words merged, checked, and with docker's defaults in. */
import { Code, K3cError } from '../../../../api/errors.ts';
import type { HealthSpec, ResolvedConfig } from '../../../state/spec.ts';

/** `Healthcheck` of an image's configuration, in docker's extension of the OCI one. Durations in nanoseconds. */
export interface ImageHealthcheck {
  readonly Test?: readonly string[] | null | undefined;
  readonly Interval?: number | undefined;
  readonly Timeout?: number | undefined;
  readonly StartPeriod?: number | undefined;
  readonly StartInterval?: number | undefined;
  readonly Retries?: number | undefined;
}

/** What was said of a check, in the words of `ImageHealthcheck`. */
export type Healthcheck = { readonly [Name in keyof ImageHealthcheck]: NonNullable<ImageHealthcheck[Name]> };

/** A check that is to be run. Durations in nanoseconds. */
export interface HealthCheck {
  readonly command: readonly string[];
  readonly interval: number;
  readonly timeout: number;
  readonly startPeriod: number;
  readonly startInterval: number;
  readonly retries: number;
}

const SECOND = 1e9;
const MINIMUM = 1e6;
const DEFAULT_SHELL = ['/bin/sh', '-c'];
/** moby's, daemon/health.go. */
const DEFAULTS = { interval: 30 * SECOND, timeout: 30 * SECOND, startInterval: 5 * SECOND, retries: 3 };

/** What the user said, completed by what the image says; undefined where neither says anything. */
export function mergeHealth(
  asked: HealthSpec | null,
  image: ImageHealthcheck | null | undefined,
): HealthSpec | undefined {
  if (asked === null && (image === null || image === undefined)) return undefined;
  return {
    test: asked?.test.length ? asked.test : (image?.Test ?? []),
    interval: asked?.interval || image?.Interval || 0,
    timeout: asked?.timeout || image?.Timeout || 0,
    startPeriod: asked?.startPeriod || image?.StartPeriod || 0,
    startInterval: asked?.startInterval || image?.StartInterval || 0,
    retries: asked?.retries || image?.Retries || 0,
  };
}

/** Throws INVALID_ARGUMENT in docker's words for what the user asked for. */
export function checkHealth(asked: HealthSpec | null): void {
  if (asked === null) return;
  const { interval, timeout, startPeriod, startInterval, retries } = asked;
  for (const [name, duration] of Object.entries({ Interval: interval, Timeout: timeout }))
    if (duration !== 0 && duration < MINIMUM) throw invalid(`${name} in Healthcheck cannot be less than 1ms`);
  if (retries < 0) throw invalid('Retries in Healthcheck cannot be negative');
  for (const [name, duration] of Object.entries({ StartPeriod: startPeriod, StartInterval: startInterval }))
    if (duration !== 0 && duration < MINIMUM) throw invalid(`${name} in Healthcheck cannot be less than 1ms`);
}

/** The check to run; undefined where there is none, it is NONE, or it is of a kind that nobody knows. */
export function healthCheckOf({ health, shell }: ResolvedConfig): HealthCheck | undefined {
  if (health === undefined) return undefined;
  const [kind, ...words] = health.test;
  if (words.length === 0) return undefined;
  const command = kind === 'CMD' ? words : kind === 'CMD-SHELL' ? [...(shell ?? DEFAULT_SHELL), ...words] : undefined;
  if (command === undefined) return undefined;
  return {
    command,
    interval: health.interval || DEFAULTS.interval,
    timeout: health.timeout || DEFAULTS.timeout,
    startPeriod: health.startPeriod,
    startInterval: health.startInterval || DEFAULTS.startInterval,
    retries: health.retries || DEFAULTS.retries,
  };
}

/** `Config.Healthcheck` of docker's inspect document and of an image's configuration: what was said, without defaults. */
export function healthcheckDocument(health: HealthSpec): Healthcheck {
  const { test, interval, timeout, startPeriod, startInterval, retries } = health;
  return {
    ...(test.length === 0 ? {} : { Test: test }),
    ...(interval === 0 ? {} : { Interval: interval }),
    ...(timeout === 0 ? {} : { Timeout: timeout }),
    ...(startPeriod === 0 ? {} : { StartPeriod: startPeriod }),
    ...(startInterval === 0 ? {} : { StartInterval: startInterval }),
    ...(retries === 0 ? {} : { Retries: retries }),
  };
}

function invalid(message: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input' });
}
