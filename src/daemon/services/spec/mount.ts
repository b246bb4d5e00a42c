/** A mount that `run` or `create` asks for, out of its message. */
import { existsSync } from 'node:fs';
import type { Mount } from '../../../api/gen/k3c.ts';
import type { ContainerSpec } from '../../engine/containers/types.ts';
import { missingSource } from '../../engine/containers/volumes.ts';
import { checkDriver } from '../../engine/volumes/driver-options.ts';
import { invalid } from './invalid.ts';

const PROPAGATIONS = ['', 'private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'];
const RECURSIONS = ['', 'enabled', 'disabled', 'writable', 'readonly'];

/** Throws INVALID_ARGUMENT, and NOT_FOUND for a volume driver, in docker's words. */
export function toMount(mount: Mount): ContainerSpec['mounts'][number] {
  const { type, source, target, readOnly, propagation, mustExist, tmpfsOptions, noCopy, relabel } = mount;
  if (type !== 'bind' && type !== 'volume' && type !== 'tmpfs') throw invalid(`mount type unknown: "${type}"`);
  if (!PROPAGATIONS.includes(propagation)) throw invalid(`invalid propagation mode: "${propagation}"`);
  const strict = type === 'bind' && mustExist;
  if (strict && !existsSync(source)) throw missingSource(source);
  return {
    type,
    source: type === 'tmpfs' ? tmpfsOptions : source,
    target,
    readOnly,
    propagation,
    ...(strict ? { mustExist } : {}),
    ...(noCopy ? { noCopy } : {}),
    ...(relabel ? { relabel } : {}),
    ...(type === 'volume' ? ofVolume(mount) : {}),
    ...(type === 'bind' ? ofBind(mount) : {}),
  };
}

function ofVolume({ source, volumeDriver, volumeOptions, volumeLabels, volumeSubpath }: Mount) {
  checkDriver(source, volumeDriver, volumeOptions);
  const parts = volumeSubpath.split('/');
  if (volumeSubpath.startsWith('/') || parts.includes('..'))
    throw invalid('invalid mount config for type "volume": subpath must be a relative path within the volume');
  return {
    ...(Object.keys(volumeOptions).length > 0 ? { volumeOptions } : {}),
    ...(Object.keys(volumeLabels).length > 0 ? { volumeLabels } : {}),
    ...(volumeSubpath === '' ? {} : { subpath: volumeSubpath }),
  };
}

/** Mounts below a source are mounted too, and a read-only one leaves them as they are, unless something else is said. */
function ofBind({ bindRecursive, readOnly }: Mount) {
  if (!RECURSIONS.includes(bindRecursive)) throw invalid(`invalid recursion of a bind mount: "${bindRecursive}"`);
  if (bindRecursive === 'disabled') return { recursive: 'disabled' as const };
  return bindRecursive === 'readonly' && readOnly ? { recursive: 'readonly' as const } : {};
}
