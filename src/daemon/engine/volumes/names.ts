/** How volumes are called (moby, volume/local: validateName). */
import { Code, K3cError } from '../../../api/errors.ts';

/** A volume has a directory of its name: NAME_MAX of Linux (limits.h). */
const LONGEST = 255;

/** Whether docker takes it for a name. */
export function isVolumeName(name: string): boolean {
  return name.length <= LONGEST && /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name);
}

/** Throws INVALID_ARGUMENT in docker's words. */
export function checkVolumeName(name: string): void {
  if (isVolumeName(name)) return;
  if (name.length > LONGEST)
    throw new K3cError(
      Code.INVALID_ARGUMENT,
      `create ${name}: volume name is too long, ${LONGEST} characters are the most`,
      {
        reason: 'bad-input',
      },
    );
  const why =
    name.length === 1
      ? 'volume name is too short, names should be at least two alphanumeric characters'
      : `"${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`;
  throw new K3cError(Code.INVALID_ARGUMENT, `create ${name}: ${why}`, { reason: 'bad-input' });
}

/** docker's sentence for a volume that is not there. */
export function noSuchVolume(name: string): K3cError {
  return new K3cError(Code.NOT_FOUND, `get ${name}: no such volume`, { reason: 'volume-not-found' });
}
