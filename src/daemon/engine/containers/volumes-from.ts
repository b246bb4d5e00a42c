/** --volumes-from: the mounts of other containers, taken over when a container is created. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import type { ResolvedMount } from '../../state/spec.ts';

/**
 * Volumes and binds of the containers named as CONTAINER[:ro|:rw]; a tmpfs is of one container only. A later container wins
 * where two mount at one place. Throws INVALID_ARGUMENT for another mode, and what `find` throws.
 */
export function inheritedMounts(
  volumesFrom: readonly string[],
  find: (reference: string) => ContainerRecord,
): readonly ResolvedMount[] {
  const mounts = new Map<string, ResolvedMount>();
  for (const text of volumesFrom) {
    const [reference = '', ...modes] = text.split(':');
    const mode = modes.join(':');
    if (reference === '')
      throw new K3cError(Code.INVALID_ARGUMENT, `malformed volumes-from specification: ${text}`, {
        reason: 'bad-input',
      });
    for (const option of mode === '' ? [] : mode.split(',')) {
      if (!['ro', 'rw', 'z', 'Z'].includes(option))
        throw new K3cError(Code.INVALID_ARGUMENT, `invalid mode: ${mode}`, { reason: 'bad-input' });
    }
    const readOnly = mode.split(',').includes('ro');
    for (const mount of find(reference).config.mounts)
      if (mount.type !== 'tmpfs') mounts.set(mount.target, { ...mount, readOnly: mount.readOnly || readOnly });
  }
  return [...mounts.values()];
}
