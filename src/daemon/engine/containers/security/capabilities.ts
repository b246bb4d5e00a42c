/** --cap-add and --cap-drop by docker's rules (moby, daemon/internal/…/caps: TweakCapabilities). Names are CAP_CHOWN … */
import { knownCapabilities } from '../../../../host/capabilities.ts';
import { invalidSecurity } from './invalid.ts';

const ALL = 'ALL';

/** What a container has for which nothing was asked. */
export const DEFAULT_CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

/**
 * Throws INVALID_ARGUMENT in docker's words for a name that is none, and for one to add that this daemon has not itself: it
 * cannot give it, and runc would fail without a name. To drop what is not there is nothing.
 * @param available what the daemon has
 */
export function checkCapabilities(add: readonly string[], drop: readonly string[], available: readonly string[]): void {
  const known = [ALL, ...knownCapabilities()];
  const unknown = (flag: string, names: readonly string[]) => {
    const found = names.map(fullName).find((name) => !known.includes(name));
    if (found !== undefined) throw invalidSecurity(`invalid ${flag}: unknown capability: "${found}"`);
  };
  unknown('CapAdd', add);
  unknown('CapDrop', drop);
  const missing = add.map(fullName).find((name) => name !== ALL && !available.includes(name));
  if (missing !== undefined)
    throw invalidSecurity(
      `invalid CapAdd: capability not supported by your kernel or not available in the current environment: "${missing}"`,
    );
}

/**
 * The set of a container that is not privileged. ALL in what is added wins over ALL in what is dropped.
 * @param available what the daemon has: ALL is that
 */
export function capabilitiesOf(
  add: readonly string[],
  drop: readonly string[],
  available: readonly string[],
): readonly string[] {
  const added = add.map(fullName);
  const dropped = new Set(drop.map(fullName));
  if (added.includes(ALL)) return available.filter((name) => !dropped.has(name));
  const rest = dropped.has(ALL) ? [] : DEFAULT_CAPABILITIES.filter((name) => !dropped.has(name));
  return [...new Set([...rest, ...added])];
}

/** Any case, with or without CAP_. */
function fullName(text: string): string {
  const name = text.toUpperCase();
  return name === ALL || name.startsWith('CAP_') ? name : `CAP_${name}`;
}
