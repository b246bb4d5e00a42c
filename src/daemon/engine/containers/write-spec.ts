/** The OCI specification of a container between CreateContainer and StartContainer: everything that CRI has no words for. */
import type { ContainerRecord } from '../../state/containers.ts';
import type { PodRecord } from '../../state/pods.ts';
import type { EngineContext } from './context.ts';
import type { JoinedNamespaces } from './limits/joined.ts';
import { patchLimits } from './limits/patch-limits.ts';
import { sizeShm } from './limits/shm.ts';
import { patchScope } from './limits/systemd-scope.ts';
import type { NetworkNamespace } from './network-side.ts';
import { readOciSpec, writeOciSpec } from './oci-spec-store.ts';
import { patchMounts } from './patch-mounts.ts';
import { patchSpec } from './patch-spec.ts';
import type { PreparedSecurity } from './security/cri-security.ts';
import { patchSecurity } from './security/patch-security.ts';

/** What a start has found out before. */
export interface SpecParts {
  readonly args: readonly string[];
  readonly joined: JoinedNamespaces;
  readonly security: PreparedSecurity;
  readonly network: NetworkNamespace;
  /** Whose network namespace it shares, and so its hostname. */
  readonly donor: ContainerRecord | undefined;
  /** The pod that it is in. */
  readonly pod: PodRecord | undefined;
}

/** Reads what CRI wrote, patches it and writes it back. */
export async function writeSpec(
  context: EngineContext,
  record: ContainerRecord,
  criId: string,
  { args, joined, security, network, donor, pod }: SpecParts,
): Promise<void> {
  const { spec: asked, config } = record;
  const stored = await readOciSpec(context.containerd, criId);
  const { oci } = stored;
  const given = oci.process.env ?? [];
  patchSpec(oci, {
    args,
    env: config.env,
    hostname: donor?.config.hostname ?? config.hostname,
    domainname: asked.network.domainname,
    network,
    shared: donor !== undefined,
    console:
      asked.tty && asked.consoleHeight > 0 && asked.consoleWidth > 0
        ? { height: asked.consoleHeight, width: asked.consoleWidth }
        : undefined,
    tmpfs: config.mounts.filter(({ type }) => type === 'tmpfs'),
    annotations: asked.annotations,
  });
  patchMounts(oci.mounts, config.mounts);
  patchLimits(oci, pod === undefined ? asked : withSysctls(asked, pod), joined);
  if (context.cgroupParent.endsWith('.slice')) patchScope(oci, record);
  sizeShm(oci, asked);
  await patchSecurity(context, oci, { record, criId, security, given });
  await writeOciSpec(context.containerd, criId, stored);
}

/** Of the pod: a sandbox on the node's network may not set them, so each container does. */
function withSysctls(asked: ContainerRecord['spec'], { spec }: PodRecord): ContainerRecord['spec'] {
  return { ...asked, isolation: { ...asked.isolation, sysctls: spec.sysctls } };
}
