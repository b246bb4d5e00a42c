/** The sandbox of a pod: made when somebody wants it, watched, taken down by a stop. One act at a time for a pod. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { PodRecord } from '../../state/pods.ts';
import { allOrFirstError } from '../containers/all-or-first-error.ts';
import type { EngineContext } from '../containers/context.ts';
import { LABEL_POD, sandboxConfig } from '../containers/cri-config.ts';
import { writeFiles } from '../containers/host-side.ts';
import { cgroupParentOf } from '../containers/limits/check-isolation.ts';
import { leaveNetworks } from '../containers/membership.ts';
import { isOnDefault } from '../containers/network-mode.ts';
import type { NetworkOwner } from '../containers/network-owner.ts';
import {
  canPublish,
  connectNetworks,
  type NetworkNamespace,
  type NetworkSide,
  plugIn,
} from '../containers/network-side.ts';
import { tellNetwork } from '../containers/resource-events.ts';
import { removeSandbox, removeUnused, stopSandbox } from '../containers/sandboxes.ts';
import { isSandboxReady, watchSandbox } from '../containers/watch-sandbox.ts';
import { tellPod } from './events.ts';
import { podNow } from './find-pod.ts';
import { podLock } from './locks.ts';
import { podOwner, renewNames } from './names.ts';

/** A pod's sandbox as a container finds it. */
export interface PodPlace {
  readonly pod: PodRecord;
  readonly sandboxId: string;
  /** As CRI was told of it. */
  readonly config: ReturnType<typeof sandboxConfig>;
  readonly namespace: NetworkNamespace;
}

/** Makes the sandbox of a pod where there is none that is ready. NOT_FOUND (pod-not-found) when the pod was removed. */
export function ensurePod(context: EngineContext, podId: string): Promise<PodPlace> {
  return context.locks.run(podLock(podId), async () => {
    const pod = podNow(context.state.pods, podId);
    if (!(await isReady(context, pod))) await makeSandbox(context, pod);
    return placeOf(context, podNow(context.state.pods, podId));
  });
}

function placeOf(context: EngineContext, pod: PodRecord): PodPlace {
  const { attempt, ports, sandboxId } = pod;
  return {
    pod,
    sandboxId,
    config: configOf(context, pod, attempt, ports),
    namespace: namespaceOf(context, pod),
  };
}

function namespaceOf({ network }: EngineContext, pod: PodRecord): NetworkNamespace {
  if (isOnDefault(pod)) return 'pod';
  if (!needsNamespace(pod)) return 'host';
  const path = network.named.pathOf(pod.id);
  if (path === undefined)
    throw new K3cError(Code.FAILED_PRECONDITION, `the network namespace of pod ${pod.name} is gone`, {
      hint: 'somebody removed it: the next start makes another',
    });
  return { path };
}

function configOf(context: EngineContext, pod: PodRecord, attempt: number, ports: PodRecord['ports']) {
  const { spec } = pod;
  return sandboxConfig({
    owner: pod,
    attempt,
    ports,
    logDirectory: context.paths.logs,
    cgroupParent: cgroupParentOf(spec, context.cgroupParent),
    annotations: spec.annotations,
    privileged: false,
    sharePid: spec.sharePid,
    labels: { [LABEL_POD]: pod.name },
  });
}

/** Somebody may have ended it behind our back. */
async function isReady(context: EngineContext, pod: PodRecord): Promise<boolean> {
  if (pod.state !== 'running' || pod.sandboxId === '') return false;
  if (needsNamespace(pod) && context.network.named.pathOf(pod.id) === undefined) return false;
  return await isSandboxReady(context, pod.sandboxId);
}

/** One that the daemon makes. */
export function needsNamespace(pod: PodRecord): boolean {
  return !isOnDefault(pod) && pod.spec.networkMode !== 'host';
}

/** With none it is one for all containers, which talk to each other on its loopback device. */
function plugPod(context: EngineContext, owner: NetworkOwner): NetworkSide {
  if (owner.spec.networkMode !== 'none') return plugIn(context, owner, undefined);
  return { namespace: { path: context.network.named.open(owner.id, { loopback: true }) }, endpoints: [] };
}

async function makeSandbox(context: EngineContext, pod: PodRecord): Promise<void> {
  const { containerd, network, state } = context;
  const { id, name, sandboxId: earlier } = pod;
  const attempt = pod.attempt + 1;
  if (pod.state === 'running') await endLost(context, pod);
  state.pods.update(id, { state: 'running', attempt, sandboxId: '', ports: [], ip: '' });
  let sandboxId = '';
  try {
    const owner = podOwner(state, pod);
    const wanted = canPublish(context, owner) ? pod.spec.ports : [];
    const ports = wanted.length > 0 ? await network.reserve(id, `pod ${name}`, wanted) : [];
    const config = configOf(context, pod, attempt, ports);
    const run = async () => {
      const made = await containerd.cri.runPodSandbox({ config, runtimeHandler: '' }, { signal: context.abandon });
      sandboxId = made.podSandboxId;
    };
    const [, files, side] = await allOrFirstError([
      run(),
      writeFiles(context, owner),
      (async () => plugPod(context, owner))(),
    ]);
    const { ip, endpoints } = await connectNetworks(context, owner, { sandboxId, host: { files }, side, ports });
    state.transaction(() => {
      const places = endpoints.length > 0 ? { endpoints } : {};
      state.pods.update(id, { sandboxId, ip, ports, startedAt: context.now(), ...places });
      tellNetwork(context, pod, 'connect');
      tellPod(context, pod, 'start');
    });
    renewNames(context, id);
    watchPodSandbox(context, id, sandboxId);
  } catch (error) {
    // Whatever happens on the way back: the row must not say that there is one.
    await giveBack(context, id).catch((err: unknown) =>
      context.log.error({ err, pod: id }, 'cannot take back the start of a pod'),
    );
    state.pods.update(id, {
      state: pod.startedAt === 0n ? 'created' : 'stopped',
      sandboxId: '',
      ports: [],
      ip: '',
    });
    if (sandboxId !== '')
      context.background.run(`remove the failed sandbox of pod ${name}`, () => removeSandbox(context, sandboxId));
    throw error;
  } finally {
    if (earlier !== '')
      context.background.run(`remove an earlier sandbox of pod ${name}`, () => retire(context, earlier));
  }
}

/** What still runs in a lost sandbox ends before its addresses are somebody else's. */
async function endLost(context: EngineContext, { id, sandboxId }: PodRecord): Promise<void> {
  if (sandboxId !== '') await stopSandbox(context, sandboxId);
  await giveBack(context, id);
}

/** What runs in a sandbox ends; what has ended there can be looked at as long as a container's row says so. */
async function retire(context: EngineContext, sandboxId: string): Promise<void> {
  await stopSandbox(context, sandboxId);
  await removeUnused(context, sandboxId);
}

/** Names, addresses, interfaces and ports. */
export async function giveBack(context: EngineContext, id: string): Promise<void> {
  leaveNetworks(context, id);
  await context.network.release(id);
}

/** Ends a pod's sandbox; to be called under its lock, when nothing runs in it. Address and ports are free when it returns. */
export async function takeDown(context: EngineContext, pod: PodRecord): Promise<void> {
  await giveBack(context, pod.id);
  recordStopped(context, pod);
  if (pod.sandboxId !== '') await retire(context, pod.sandboxId);
}

/** Under the pod's lock. */
export function recordStopped(context: EngineContext, pod: PodRecord): void {
  context.state.transaction(() => {
    context.state.pods.update(pod.id, { state: 'stopped', ports: [], ip: '' });
    tellNetwork(context, pod, 'disconnect');
    tellPod(context, pod, 'stop');
  });
}

/** Follows a pod's sandbox until nobody counts on it any more. One that ends behind our back takes what runs in it along. */
export function watchPodSandbox(context: EngineContext, podId: string, sandboxId: string): void {
  watchSandbox(context, sandboxId, { pod: podId }, () =>
    context.locks.run(podLock(podId), async () => {
      const pod = context.state.pods.byId(podId);
      if (pod?.state !== 'running' || pod.sandboxId !== sandboxId) return true;
      if (await isReady(context, pod)) return false;
      context.log.warn({ pod: podId }, 'the sandbox of a pod has ended by itself: what runs in it ends, too');
      await endLost(context, pod);
      recordStopped(context, pod);
      await removeUnused(context, sandboxId);
      return true;
    }),
  );
}
