/** When a container is started again. */
import type { RestartPolicy } from '../../../api/gen/k3c.ts';
import type { ContainerSpec } from '../../engine/containers/types.ts';
import { invalid } from './invalid.ts';

const POLICIES = ['no', 'always', 'unless-stopped', 'on-failure'] as const;

/** An absent policy is `no`. INVALID_ARGUMENT in docker's words (moby, api/types/container, ValidateRestartPolicy). */
export function toRestart(message: RestartPolicy | undefined): ContainerSpec['restart'] {
  const asked = message?.name || 'no';
  const name = POLICIES.find((policy) => policy === asked);
  if (name === undefined)
    throw invalid(
      `invalid restart policy: unknown policy '${asked}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  const maximumRetryCount = message?.maximumRetryCount ?? 0;
  if (maximumRetryCount > 0 && name !== 'on-failure')
    throw invalid(`invalid restart policy: maximum retry count cannot be used with restart policy '${name}'`);
  return { name, maximumRetryCount };
}
