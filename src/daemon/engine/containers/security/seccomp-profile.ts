/**
 * A seccomp profile in docker's format as the `linux.seccomp` of the OCI runtime specification, by docker's rules (moby/profiles,
 * seccomp: LoadProfile). What a container has decides by its bounding set, so a profile is turned at every start.
 */
import { invalidSecurity } from './invalid.ts';

export interface SeccompHost {
  /** The container's bounding set: CAP_CHOWN … */
  readonly bounding: readonly string[];
  /** libseccomp's name of the processor: amd64. */
  readonly arch: string;
  /** Of /proc/sys/kernel/osrelease. */
  readonly kernel: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** What stands in the result as it stands in the profile. */
const PASSED = ['defaultAction', 'defaultErrnoRet', 'architectures', 'flags', 'listenerPath', 'listenerMetadata'];
const ACTIONS = [
  'SCMP_ACT_KILL',
  'SCMP_ACT_KILL_PROCESS',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_TRAP',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_TRACE',
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_LOG',
  'SCMP_ACT_NOTIFY',
];

/**
 * Turns a profile. Undefined for one that says nothing: it is no filter at all.
 * Throws INVALID_ARGUMENT (`Decoding seccomp profile failed: …` where the text is not a profile).
 */
export function toOciSeccomp(text: string, host: SeccompHost): Fields | undefined {
  const profile = readProfile(text);
  const rules = listOf(profile, 'syscalls').map((rule) => fieldsOf(rule, 'syscalls'));
  const archMap = listOf(profile, 'archMap').map((entry) => fieldsOf(entry, 'archMap'));
  const defaultAction = textOf(profile, 'defaultAction');
  if (defaultAction === '' && rules.length === 0) return undefined;
  if (listOf(profile, 'architectures').length > 0 && archMap.length > 0)
    throw invalidSecurity(
      "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'",
    );
  checkAction(defaultAction);
  const result: Record<string, unknown> = {};
  for (const key of PASSED) if (profile[key] !== undefined && profile[key] !== null) result[key] = profile[key];
  const native = archMap.find((entry) => textOf(entry, 'architecture') === ociArch(host.arch));
  if (native !== undefined) result['architectures'] = [native['architecture'], ...listOf(native, 'subArchitectures')];
  // All are read before one is left out: a mistake counts wherever the profile runs.
  const read = rules.map((rule) => ({ applies: applies(rule, host), rule: ociRule(rule) }));
  result['syscalls'] = read.filter((entry) => entry.applies).map((entry) => entry.rule);
  return result;
}

function readProfile(text: string): Fields {
  try {
    return fieldsOf(JSON.parse(text, exactNumber) as unknown, 'the profile');
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw malformed(cause.message);
  }
}

/** The arguments of a system call are 64 bits wide; a JavaScript number is exact up to 53. */
function exactNumber(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw malformed(`${value} is not a whole number up to ${Number.MAX_SAFE_INTEGER}`);
  return value;
}

function ociRule(rule: Fields): Fields {
  const name = textOf(rule, 'name');
  const names = listOf(rule, 'names');
  if (name !== '' && names.length > 0)
    throw invalidSecurity("both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'");
  const action = textOf(rule, 'action');
  checkAction(action);
  const { errnoRet } = rule;
  const args = listOf(rule, 'args');
  return {
    names: name === '' ? names : [name],
    action,
    ...(errnoRet === undefined || errnoRet === null ? {} : { errnoRet }),
    ...(args.length === 0 ? {} : { args }),
  };
}

/** Excluded by any one of what it excludes, included only by all of what it includes. */
function applies(rule: Fields, host: SeccompHost): boolean {
  const excludes = filterOf(rule, 'excludes');
  const includes = filterOf(rule, 'includes');
  const newer = (version: string) => kernelAtLeast(host.kernel, version);
  if (excludes.arches.includes(host.arch)) return false;
  if (excludes.caps.some((name) => host.bounding.includes(name))) return false;
  if (excludes.minKernel !== '' && newer(excludes.minKernel)) return false;
  if (includes.arches.length > 0 && !includes.arches.includes(host.arch)) return false;
  if (!includes.caps.every((name) => host.bounding.includes(name))) return false;
  return includes.minKernel === '' || newer(includes.minKernel);
}

function filterOf(rule: Fields, key: string) {
  const filter = rule[key] === undefined || rule[key] === null ? {} : fieldsOf(rule[key], key);
  const minKernel = textOf(filter, 'minKernel');
  if (minKernel !== '' && !/^\d+\.\d+$/.test(minKernel))
    throw malformed(`invalid kernel version: "${minKernel}", expected "<kernel>.<major>"`);
  return { caps: listOf(filter, 'caps').map(String), arches: listOf(filter, 'arches').map(String), minKernel };
}

/** Compares kernel and major revision alone, as docker does. */
function kernelAtLeast(release: string, version: string): boolean {
  const [kernel = 0, major = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  const [wantedKernel = 0, wantedMajor = 0] = version.split('.').map(Number);
  return kernel > wantedKernel || (kernel === wantedKernel && major >= wantedMajor);
}

/** k3c is an x86-64 program; the rest is there for profiles that name other processors. */
function ociArch(arch: string): string {
  return arch === 'amd64' ? 'SCMP_ARCH_X86_64' : `SCMP_ARCH_${arch.toUpperCase()}`;
}

function checkAction(action: string): void {
  if (!ACTIONS.includes(action)) throw invalidSecurity(`string ${action} is not a valid action for seccomp`);
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(`${what} must be an object`);
  return value as Fields;
}

function listOf(fields: Fields, key: string): readonly unknown[] {
  const value = fields[key] ?? [];
  if (!Array.isArray(value)) throw malformed(`${key} must be a list`);
  return value;
}

function textOf(fields: Fields, key: string): string {
  const value = fields[key] ?? '';
  if (typeof value !== 'string') throw malformed(`${key} must be a string`);
  return value;
}

function malformed(detail: string): Error {
  return invalidSecurity(`Decoding seccomp profile failed: ${detail}`);
}
