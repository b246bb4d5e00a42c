/**
 * Devices by the names of CDI specifications (container-device-interface), which containerd reads and puts into the OCI
 * specification itself: device nodes, mounts, hooks and variables.
 */
import type { KeyValue } from '../../../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import type { OciSpec } from '../oci-spec.ts';

/** The part of CRI's container configuration that asks for them. */
export function cdiConfig(
  names: readonly string[],
  env: readonly string[],
): { CDIDevices: { name: string }[]; envs: KeyValue[] } {
  return {
    CDIDevices: names.map((name) => ({ name })),
    // Only so that what a specification adds can be told from what the image has: see keepCdiEnvironment.
    envs: names.length === 0 ? [] : env.map(toKeyValue),
  };
}

/**
 * The environment of a container is written anew after CRI; what came in by a specification stays: it is what CRI has and we
 * did not give. Changes the specification in place.
 */
export function keepCdiEnvironment(spec: OciSpec, env: readonly string[], given: readonly string[]): void {
  const added = given.filter((entry) => !env.includes(entry));
  const names = new Set(added.map(nameOf));
  spec.process.env = [...env.filter((entry) => !names.has(nameOf(entry))), ...added];
}

function nameOf(entry: string): string {
  return entry.split('=', 1)[0] ?? '';
}

function toKeyValue(entry: string): KeyValue {
  const name = nameOf(entry);
  return { key: name, value: Buffer.from(entry.slice(name.length + 1)) };
}
