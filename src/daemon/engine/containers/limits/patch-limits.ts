/**
 * Limits and shared namespaces, written into the OCI specification. CRI has words for some of them, but on the sandbox as well,
 * which needs none: its pause does nothing and must not fall to a limit.
 */
import { exactNumber } from '../../../backends/exact-json.ts';
import type { ContainerSpec, UlimitSpec } from '../../../state/spec.ts';
import type { OciNamespace, OciSpec } from '../oci-spec.ts';
import type { JoinedNamespaces } from './joined.ts';
import { ociResources, withLimits } from './oci-resources.ts';

/** RLIM_INFINITY, which no double can hold. */
const NO_LIMIT = '18446744073709551615';

/** Changes the specification in place; after patchSpec, which settles the namespaces of the network. */
export function patchLimits(
  oci: OciSpec,
  { resources, isolation }: Pick<ContainerSpec, 'resources' | 'isolation'>,
  joined: JoinedNamespaces,
): void {
  oci.linux.resources = withLimits(oci.linux.resources, ociResources(resources));
  // What CRI writes is never below its own, which is what a daemon without CAP_SYS_RESOURCE may set. What was asked for holds, or fails.
  if (resources.oomScoreAdj !== 0) oci.process.oomScoreAdj = resources.oomScoreAdj;
  if (resources.ulimits.length > 0) oci.process.rlimits = resources.ulimits.map(toRlimit);
  if (Object.keys(isolation.sysctls).length > 0) oci.linux.sysctl = { ...oci.linux.sysctl, ...isolation.sysctls };

  const { pidMode, utsMode, cgroupnsMode } = isolation;
  if (pidMode === 'host') leave(oci, 'pid');
  if (joined.pid !== undefined) enter(oci, { type: 'pid', path: joined.pid });
  if (utsMode === 'host') {
    leave(oci, 'uts');
    delete oci.hostname;
  }
  if (cgroupnsMode === 'host') leave(oci, 'cgroup');
  if (cgroupnsMode === 'private') enter(oci, { type: 'cgroup' });
  patchIpc(oci, isolation.ipcMode, joined);
}

/** CRI shares the pod's IPC namespace and its /dev/shm, which serve as the container's own. */
function patchIpc(oci: OciSpec, ipcMode: string, joined: JoinedNamespaces): void {
  const own = oci.mounts.find(isPodShm);
  // CRI's own options undo what the file system is mounted with.
  if (own !== undefined && ipcMode !== 'host')
    own.options = [...new Set([...(own.options ?? []), 'nosuid', 'noexec', 'nodev'])];
  if (ipcMode === 'none') {
    enter(oci, { type: 'ipc' });
    oci.mounts = oci.mounts.filter((mount) => mount !== own);
  }
  if (ipcMode === 'host') {
    leave(oci, 'ipc');
    if (own !== undefined) own.source = '/dev/shm';
  }
  if (joined.ipc !== undefined) {
    enter(oci, { type: 'ipc', path: joined.ipc.path });
    if (own !== undefined) own.source = joined.ipc.shm;
  }
}

/** A sandbox's, as containerd names it (cri, podsandbox/helpers_linux.go), and not what a user mounts there. */
export function isPodShm({ destination, type, source }: OciSpec['mounts'][number]): boolean {
  return destination === '/dev/shm' && type === 'bind' && /\/sandboxes\/[0-9a-f]{64}\/shm$/.test(source ?? '');
}

function toRlimit({ name, soft, hard }: UlimitSpec) {
  return { type: `RLIMIT_${name.toUpperCase()}`, soft: unsigned(soft), hard: unsigned(hard) };
}

/** As setrlimit(2) counts: -1 is the highest number of 64 bits. */
function unsigned(limit: number): unknown {
  return limit < 0 ? exactNumber(NO_LIMIT) : limit;
}

function leave(oci: OciSpec, type: string): void {
  oci.linux.namespaces = (oci.linux.namespaces ?? []).filter((namespace) => namespace.type !== type);
}

function enter(oci: OciSpec, namespace: OciNamespace): void {
  leave(oci, namespace.type);
  oci.linux.namespaces = [...(oci.linux.namespaces ?? []), namespace];
}
