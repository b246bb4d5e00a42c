/** docker's --security-opt (moby, daemon/daemon_unix.go, parseSecurityOpt; docker/cli takes systempaths out before). */
import { invalidSecurity } from './invalid.ts';

export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** The text of a profile, unconfined, or builtin; undefined: nothing said. */
  readonly seccomp: string | undefined;
  /** A profile's name or unconfined; undefined: nothing said. */
  readonly apparmor: string | undefined;
  /** Nothing of /proc and /sys is masked or write-protected. */
  readonly systemPathsUnconfined: boolean;
  /** undefined: as privileged says. */
  readonly writableCgroups: boolean | undefined;
  /** What SELinux is told: disable, type:NAME … */
  readonly labels: readonly string[];
}

/** Whether seccomp= holds the text of a profile. */
export function isProfile(seccomp: string | undefined): seccomp is string {
  return seccomp !== undefined && seccomp !== 'unconfined' && seccomp !== 'builtin';
}

/** Go's strconv.ParseBool. */
const BOOLEANS: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(['1', 't', 'T', 'TRUE', 'true', 'True'].map((word) => [word, true])),
  ...Object.fromEntries(['0', 'f', 'F', 'FALSE', 'false', 'False'].map((word) => [word, false])),
};

/**
 * Reads them, later ones winning; `key:value` is the older form of `key=value`.
 * Throws INVALID_ARGUMENT in docker's words for one that is not known, or with a value it does not take.
 */
export function parseSecurityOptions(texts: readonly string[]): SecurityOptions {
  const labels: string[] = [];
  let noNewPrivileges = false;
  let seccomp: string | undefined;
  let apparmor: string | undefined;
  let systemPathsUnconfined = false;
  let writableCgroups: boolean | undefined;
  for (const text of texts) {
    const [key, value] = split(text);
    const refused = () => invalidSecurity(`invalid --security-opt 2: "${text}"`);
    const boolean = () => {
      const parsed = value === undefined ? true : BOOLEANS[value];
      if (parsed === undefined) throw refused();
      return parsed;
    };
    if (key === 'no-new-privileges') noNewPrivileges = boolean();
    else if (key === 'writable-cgroups') writableCgroups = boolean();
    else if (key === 'disable' && value === undefined) labels.push(key);
    else if (value === undefined) throw invalidSecurity(`invalid --security-opt 1: "${text}"`);
    else if (key === 'label') labels.push(value);
    else if (key === 'apparmor') apparmor = value;
    else if (key === 'seccomp') seccomp = value;
    else if (key === 'systempaths' && value === 'unconfined') systemPathsUnconfined = true;
    else throw refused();
  }
  return { noNewPrivileges, seccomp, apparmor, systemPathsUnconfined, writableCgroups, labels };
}

function split(text: string): [key: string, value: string | undefined] {
  const at = text.includes('=') ? text.indexOf('=') : text.indexOf(':');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
