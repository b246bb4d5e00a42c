/** `Mounts` of docker's inspect document (moby, api/types/container, MountPoint). */
import type { ContainerRecord } from '../../../state/containers.ts';
import { volumeData } from '../volumes.ts';

/** @param volumes the directory of volumes */
export function mountsOf(record: ContainerRecord, volumes: string): Record<string, unknown>[] {
  return record.config.mounts.map(({ type, source, target, readOnly, propagation, volume }) => ({
    Type: type,
    ...(volume === '' ? {} : { Name: volume }),
    Source: volume === '' ? (type === 'tmpfs' ? '' : source) : volumeData(volumes, volume),
    Destination: target,
    ...(volume === '' ? {} : { Driver: 'local' }),
    Mode: readOnly ? 'ro' : '',
    RW: !readOnly,
    Propagation: type === 'bind' ? propagation || 'rprivate' : '',
  }));
}
