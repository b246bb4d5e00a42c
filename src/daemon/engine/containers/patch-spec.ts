/** What CRI has no words for, written into the OCI specification between CreateContainer and StartContainer. */
import type { ResolvedMount } from '../../state/spec.ts';
import type { NetworkNamespace } from './network-side.ts';
import type { OciMount, OciNamespace, OciSpec } from './oci-spec.ts';

export interface SpecPatch {
  readonly args: readonly string[];
  /** The whole environment: CRI would put the image's own values back. */
  readonly env: readonly string[];
  readonly hostname: string;
  /** NIS domain, of which runc knows only as a sysctl of the UTS namespace; empty: none. */
  readonly domainname: string;
  readonly network: NetworkNamespace;
  /** The network namespace is another container's, whose settings it has. */
  readonly shared: boolean;
  readonly console: { readonly height: number; readonly width: number } | undefined;
  readonly tmpfs: readonly ResolvedMount[];
  /** Of the user: CRI takes them, and keeps them from the runtime. Its own, by which the shim knows what is what, stay. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** Changes the specification in place. */
export function patchSpec(spec: OciSpec, patch: SpecPatch): void {
  spec.process.args = [...patch.args];
  spec.process.env = [...patch.env];
  spec.annotations = { ...patch.annotations, ...spec.annotations };
  if (patch.domainname !== '') spec.linux.sysctl = { ...spec.linux.sysctl, 'kernel.domainname': patch.domainname };
  if (patch.console !== undefined) spec.process.consoleSize = { ...patch.console };
  if (patch.network !== 'pod') leaveSandboxNamespaces(spec, patch, patch.network);
  if (patch.tmpfs.length > 0) spec.mounts = withTmpfs(spec.mounts, patch.tmpfs);
}

/**
 * All but those on the default network run in a sandbox on the node's network, for CRI cannot skip the network plugin for any
 * other. Such a sandbox has the node's UTS namespace too; docker gives the container its own, so it may have a hostname. none gets
 * a fresh network namespace: without a path runc makes it and brings up its loopback device.
 */
function leaveSandboxNamespaces(spec: OciSpec, patch: SpecPatch, network: Exclude<NetworkNamespace, 'pod'>): void {
  const own: OciNamespace[] = [{ type: 'uts' }];
  if (network !== 'host') own.push(network === 'new' ? { type: 'network' } : { type: 'network', path: network.path });
  const others = (spec.linux.namespaces ?? []).filter(({ type }) => !own.some((one) => one.type === type));
  spec.linux.namespaces = [...others, ...own];
  spec.hostname = patch.hostname;
  if (network !== 'host' && !patch.shared) {
    // What CRI sets in sandboxes that have a network namespace, and docker in every container.
    spec.linux.sysctl = {
      'net.ipv4.ip_unprivileged_port_start': '0',
      'net.ipv4.ping_group_range': '0 2147483647',
      ...spec.linux.sysctl,
    };
  }
}

/** A mount hides what earlier ones put below it, so a tmpfs goes before the mounts that are deeper. */
function withTmpfs(mounts: readonly OciMount[], tmpfs: readonly ResolvedMount[]): OciMount[] {
  const result = mounts.filter(({ destination }) => !tmpfs.some(({ target }) => target === destination));
  for (const { target, source, readOnly } of tmpfs) {
    const extra = source === '' ? [] : source.split(',');
    const mount: OciMount = {
      destination: target,
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['noexec', 'nosuid', 'nodev', ...(readOnly ? ['ro'] : []), ...extra],
    };
    const below = result.findIndex(({ destination }) => destination.startsWith(`${target}/`));
    if (below === -1) result.push(mount);
    else result.splice(below, 0, mount);
  }
  return result;
}
