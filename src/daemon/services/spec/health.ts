/** The health check of a container. */
import type { HealthCheck } from '../../../api/gen/k3c.ts';
import type { HealthSpec } from '../../engine/containers/types.ts';

/** null where the request says nothing: the image's check counts. */
export function toHealth(message: HealthCheck | undefined): HealthSpec | null {
  if (message === undefined) return null;
  const { test, interval, timeout, startPeriod, startInterval, retries } = message;
  return {
    test,
    interval: Number(interval),
    timeout: Number(timeout),
    startPeriod: Number(startPeriod),
    startInterval: Number(startInterval),
    retries,
  };
}
