/** The network namespace of a container that CRI's pod or the daemon made, by its name: never by a process id, which may be another's by then. */
import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import type { EngineContext } from './context.ts';
import { notRunning } from './identity.ts';

/**
 * Where the namespace of a container is that runs on a network of its own. A name is given once: should the container end meanwhile, nothing is
 * there. FAILED_PRECONDITION (container-not-running) when it has ended.
 */
export async function netnsOf(
  context: Pick<EngineContext, 'containerd' | 'network' | 'abandon'>,
  record: ContainerRecord,
): Promise<string> {
  const own = context.network.named.pathOf(record.id);
  if (own !== undefined) return own;
  try {
    const { info } = await context.containerd.cri.podSandboxStatus(
      { podSandboxId: record.sandboxId, verbose: true },
      { signal: context.abandon },
    );
    return sandboxNetns(info);
  } catch (error) {
    if (hasCode(error, Code.NOT_FOUND)) throw notRunning(record);
    throw error;
  }
}

/**
 * The namespace that CRI made for a sandbox. NOT_FOUND where it was taken down.
 * @param info of PodSandboxStatus, verbose (containerd: podsandbox/types.SandboxInfo)
 */
export function sandboxNetns(info: Readonly<Record<string, string>>): string {
  const { netNamespaceClosed = false, sandboxMetadata } = JSON.parse(info['info'] ?? '{}') as SandboxInfo;
  const path = sandboxMetadata?.Metadata?.NetNSPath ?? '';
  if (netNamespaceClosed) throw new K3cError(Code.NOT_FOUND, `the network namespace ${path} was taken down`);
  if (path === '') throw new K3cError(Code.INTERNAL, 'CRI names no network namespace of the pod');
  return path;
}

interface SandboxInfo {
  readonly netNamespaceClosed?: boolean;
  readonly sandboxMetadata?: { readonly Metadata?: { readonly NetNSPath?: string } };
}
