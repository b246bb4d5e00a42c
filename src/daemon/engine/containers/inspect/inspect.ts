/** Inspects a container: what is recorded, completed by what only CRI and the snapshotter know. */
import { Code, hasCode } from '../../../../api/errors.ts';
import type { ContainerRecord } from '../../../state/containers.ts';
import { podName, withPod } from '../../pods/member-view.ts';
import type { EngineContext } from '../context.ts';
import { healthReport } from '../health/health.ts';
import { isOnDefault } from '../network-mode.ts';
import { processId } from '../process-id.ts';
import { visibleState } from '../summary.ts';
import { inspectDocument } from './document.ts';
import type { PodNetwork } from './network.ts';

type Context = Pick<
  EngineContext,
  'apparmor' | 'containerd' | 'network' | 'paths' | 'snapshotter' | 'cgroupVersion' | 'health' | 'state'
>;

/** docker's inspect document. What goes away meanwhile is left empty. */
export async function inspectContainer(
  context: Context,
  found: ContainerRecord,
  signal?: AbortSignal,
): Promise<Record<string, unknown>> {
  const record = withPod(context.state, found);
  const [pod, graph, pid] = await Promise.all([
    podNetwork(context, record, signal),
    layers(context, record, signal),
    pidOf(context, record),
  ]);
  return inspectDocument({
    record: { ...record, pid },
    paths: context.paths,
    bridge: record.ip === '' ? undefined : context.network.bridge,
    snapshotter: context.snapshotter,
    apparmor: context.apparmor,
    unified: context.cgroupVersion === 2,
    pod,
    networks: (id) => context.network.members.network(id),
    graph,
    health: healthReport(context, record),
    podName: podName(context.state, record),
  });
}

/** A start does not wait until it is written down. */
async function pidOf(context: Context, { state, pid, criId }: ContainerRecord): Promise<number> {
  if (pid !== 0 || state !== 'running') return pid;
  try {
    return await processId(context, criId);
  } catch (error) {
    if (hasCode(error, Code.NOT_FOUND)) return 0;
    throw error;
  }
}

/** containerd's verbose status of a sandbox, as far as it is of use (internal/cri/types, SandboxInfo). */
interface SandboxInfo {
  readonly cniResult?: {
    readonly Interfaces?: Readonly<Record<string, { readonly Mac?: string; readonly Sandbox?: string }>>;
  };
}

async function podNetwork(
  { containerd, network }: Context,
  record: ContainerRecord,
  signal: AbortSignal | undefined,
): Promise<PodNetwork> {
  const nothing = { netns: '', mac: '' };
  // One that does not run has no address: nothing is worth the question, which a start would wait for.
  const running = ['running', 'paused'].includes(visibleState(record));
  if (!running) return nothing;
  if (!isOnDefault(record)) return { ...nothing, netns: network.named.pathOf(record.spec.pod || record.id) ?? '' };
  try {
    const { info } = await containerd.cri.podSandboxStatus(
      { podSandboxId: record.sandboxId, verbose: true },
      { signal },
    );
    const { cniResult } = JSON.parse(info['info'] ?? '{}') as SandboxInfo;
    const inside = Object.values(cniResult?.Interfaces ?? {}).find(({ Sandbox = '' }) => Sandbox !== '');
    return { netns: inside?.Sandbox ?? '', mac: inside?.Mac ?? '' };
  } catch (error) {
    if (hasCode(error, Code.NOT_FOUND)) return nothing;
    throw error;
  }
}

/** The directories of an overlay's layers, under docker's names. */
async function layers(
  { containerd, snapshotter, paths }: Context,
  { criId }: ContainerRecord,
  signal: AbortSignal | undefined,
): Promise<Record<string, string> | null> {
  if (criId === '') return null;
  try {
    const { mounts } = await containerd.snapshots.mounts({ snapshotter, key: criId }, { signal });
    const overlay = mounts.find(({ type }) => type === 'overlay');
    if (overlay === undefined) return null;
    const option = (name: string) =>
      overlay.options.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
    return {
      LowerDir: option('lowerdir'),
      MergedDir: `${paths.containerdState}/io.containerd.runtime.v2.task/k8s.io/${criId}/rootfs`,
      UpperDir: option('upperdir'),
      WorkDir: option('workdir'),
    };
  } catch (error) {
    if (hasCode(error, Code.NOT_FOUND)) return null;
    throw error;
  }
}
