/** The size of /dev/shm. CRI mounts 64 MiB for every sandbox and takes no other. */
import { resizeTmpfs } from '../../../../host/mount.ts';
import type { ContainerSpec } from '../../../state/spec.ts';
import type { OciSpec } from '../oci-spec.ts';
import { DEFAULT_SHM_BYTES } from './check-resources.ts';
import { isPodShm } from './patch-limits.ts';

/**
 * Sets it, where it is the sandbox's own: not another container's or the host's, nor a mount of the user. The file system itself
 * gets the size, so whoever joins it later has the same.
 */
export function sizeShm(oci: OciSpec, { resources, isolation }: Pick<ContainerSpec, 'resources' | 'isolation'>): void {
  const { shmSizeBytes } = resources;
  if (shmSizeBytes === 0 || shmSizeBytes === DEFAULT_SHM_BYTES) return;
  if (!['', 'private', 'shareable'].includes(isolation.ipcMode)) return;
  const source = oci.mounts.find(isPodShm)?.source;
  if (source !== undefined) resizeTmpfs(source, shmSizeBytes);
}
