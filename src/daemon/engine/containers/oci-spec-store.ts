/** The OCI specification of a container as containerd keeps it. */
import type { Containerd } from '../../backends/containerd.ts';
import { parseExact } from '../../backends/exact-json.ts';
import type { OciSpec } from './oci-spec.ts';

export interface StoredOciSpec {
  readonly oci: OciSpec;
  readonly typeUrl: string;
}

/** Reads it. NOT_FOUND where containerd has no such container. */
export async function readOciSpec(containerd: Pick<Containerd, 'containers'>, criId: string): Promise<StoredOciSpec> {
  const { container } = await containerd.containers.get({ id: criId });
  const any = container?.spec;
  if (any === undefined) throw new Error(`containerd has no specification of container ${criId}`);
  return { oci: parseExact(Buffer.from(any.value).toString('utf8')) as OciSpec, typeUrl: any.typeUrl };
}

/** Writes it back, and nothing else of the container. A start reads it; what runs does not. */
export async function writeOciSpec(
  containerd: Pick<Containerd, 'containers'>,
  criId: string,
  { oci, typeUrl }: StoredOciSpec,
): Promise<void> {
  await containerd.containers.update({
    container: { id: criId, spec: { typeUrl, value: Buffer.from(JSON.stringify(oci)) } },
    updateMask: ['spec'],
  });
}
