import { Code, K3cError } from '../../../api/errors.ts';
import { parseExact } from '../../backends/exact-json.ts';
import type { ExecOptions } from './types.ts';

/** The `process` object of the OCI runtime specification, as far as an exec changes it. The rest is passed on. */
export interface OciProcess {
  readonly terminal?: boolean;
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user?: { readonly uid: number; readonly gid: number; readonly additionalGids?: readonly number[] };
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly cwd?: string;
  readonly capabilities?: Readonly<Partial<Record<CapabilitySet, readonly string[]>>>;
  readonly [other: string]: unknown;
}

type CapabilitySet = 'bounding' | 'effective' | 'inheritable' | 'permitted' | 'ambient';

/**
 * The process of an exec: the container's own with what was asked for. Variables replace those of the same name. A user
 * other than root gets no effective capabilities, as after an execve.
 *
 * @param all the capabilities of a privileged process
 */
export function execProcessSpec(container: OciProcess, options: ExecOptions, all: readonly string[]): OciProcess {
  const { consoleSize: _size, oomScoreAdj: _score, ...inherited } = container;
  const user = options.user ?? container.user ?? { uid: 0, gid: 0 };
  const env = mergeEnv(container.env ?? [], options.env ?? []);
  const capabilities = options.privileged
    ? { bounding: all, effective: all, permitted: all }
    : capabilitiesOf(container, user.uid);
  return {
    ...inherited,
    args: options.args,
    env: options.tty && !env.some((entry) => entry.startsWith('TERM=')) ? [...env, 'TERM=xterm'] : env,
    cwd: options.cwd ?? container.cwd ?? '/',
    user,
    terminal: options.tty,
    ...(options.tty && options.size ? { consoleSize: { height: options.size.height, width: options.size.width } } : {}),
    ...(capabilities ? { capabilities } : {}),
  };
}

function capabilitiesOf(container: OciProcess, uid: number): OciProcess['capabilities'] {
  const own = container.capabilities;
  // The same user keeps what the container's process has, added ambient ones included.
  if (own === undefined || uid === (container.user?.uid ?? 0)) return own;
  const bounding = own.bounding ?? [];
  return uid === 0 ? { bounding, effective: bounding, permitted: bounding } : { bounding };
}

function mergeEnv(base: readonly string[], over: readonly string[]): string[] {
  const merged = new Map<string, string>();
  for (const entry of [...base, ...over]) merged.set(entry.split('=', 1)[0] ?? '', entry);
  return [...merged.values()];
}

/**
 * The process object out of a container's OCI spec.
 *
 * @param json the spec as containerd stores it
 * @throws K3cError INTERNAL when it is not a spec
 */
export function containerProcess(criId: string, json: Buffer): OciProcess {
  const spec = parseExact(json.toString('utf8'));
  if (typeof spec === 'object' && spec !== null && 'process' in spec && typeof spec.process === 'object') {
    return (spec.process ?? {}) as OciProcess;
  }
  throw new K3cError(Code.INTERNAL, `the OCI spec of container ${criId} has no process`);
}
