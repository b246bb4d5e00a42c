/** The composition root: everything the daemon is made of, put together in order and disposed in reverse. */
import { holdUnpackedProgram, sweepUnpackedPrograms, unpackEngine } from '../bundle/engine.ts';
import { filesHelperPath, loadSqliteAddon } from '../bundle/program.ts';
import type { Log } from '../host/log.ts';
import { isHeldBy } from '../host/loopback-peer.ts';
import { inheritedNetlinkSockets } from '../host/netlink/socket.ts';
import { afterContainerd } from './after-containerd.ts';
import { connectBuildkitd } from './backends/buildkitd.ts';
import { connectContainerd } from './backends/containerd.ts';
import { ExitNotes } from './backends/exit-notes.ts';
import { ForgottenSteps } from './backends/forgotten-build-steps.ts';
import { endStaleLeases } from './backends/leases.ts';
import { beforeBuildkitd, beforeContainerd } from './before-child.ts';
import { InnerBuilder, OwnCalls, Renewal } from './buildkitd-renewal.ts';
import { cgroupParents, removeCgroups } from './cgroups.ts';
import { childConfigs, PAUSE_IMAGE } from './child-configs.ts';
import { claim } from './claims.ts';
import type { DaemonConfig } from './config.ts';
import { containerdGate } from './containerd-gate.ts';
import type { DaemonHost } from './daemon-host.ts';
import { makeDirectories } from './directories.ts';
import { createContainerEngine } from './engine/containers/engine.ts';
import { EventBus } from './engine/events/bus.ts';
import { withEvents } from './engine/images/image-events.ts';
import { createImageEngine } from './engine/images/images.ts';
import { LiveRegistries } from './engine/images/live-registries.ts';
import { ensurePauseImage } from './engine/images/pause.ts';
import { createNames } from './engine/names/names.ts';
import { createHostNetwork } from './engine/network/network.ts';
import { networkDefinitions } from './engine/networks/networks.ts';
import { storageEngine } from './engine/storage/storage.ts';
import { createGateway } from './gateway/gateway.ts';
import { hasPods } from './has-pods.ts';
import { checkHost } from './host-check.ts';
import { ensureHostsFile } from './hosts-file.ts';
import { KubeletImages } from './kubelet-images.ts';
import type { Paths } from './paths.ts';
import { createRpc } from './rpc.ts';
import { openDatabase } from './state/database.ts';
import type { Supervised } from './supervisor/child.ts';
import { superviseBuildkitd, superviseContainerd } from './supervisor/engine.ts';
import { systemFacts } from './system-facts.ts';

const DRAIN_MS = 2000;
const CHILD_STOP_MS = 10_000;

/** Starts everything; each part that needs an end pushes it onto the stack, so that a failure undoes what was done. */
export async function startDaemon(
  config: DaemonConfig,
  paths: Paths,
  host: DaemonHost,
  log: Log,
  stack: AsyncDisposableStack,
): Promise<void> {
  const { signal } = host;
  await makeDirectories(paths, config);
  const facts = await checkHost(config, log);
  await ensureHostsFile(log);
  await claim(config, paths, stack);
  const state = openDatabase(paths.database, { nativeBinding: loadSqliteAddon() });
  stack.defer(() => state.close());
  const network = createHostNetwork({
    stateDir: paths.state,
    bridgeName: config.bridgeName,
    bridgeCidr: config.bridgeCidr === '' ? undefined : config.bridgeCidr,
    networks: () => networkDefinitions(state),
    sockets: inheritedNetlinkSockets(process.env),
    log,
  });
  const cgroups = cgroupParents(config.bridgeName, facts.cgroupDriver);
  // Nothing of ours stays on a host where nothing of ours runs; pods of a kubelet count.
  let inUse = true;
  stack.defer(async () => {
    await network.stop({ removeAll: !inUse });
    if (!inUse && facts.cgroupDriver === 'cgroupfs') await removeCgroups(facts.cgroupVersion, cgroups);
  });
  stack.defer(await holdUnpackedProgram());
  /** The children, once they are there: whoever else asks the relay of registries gets nothing. */
  const pulling: Supervised[] = [];
  // Before the network: a file that is wrong must not leave a bridge.
  const registries = await LiveRegistries.open(config.registries, paths.certs, {
    required: config.registriesNamed,
    isAllowed: (socket) =>
      isHeldBy(
        socket,
        pulling.flatMap(({ pid }) => pid ?? []),
      ),
    log,
  });
  stack.defer(() => registries.close());
  const [engine] = await Promise.all([unpackEngine(paths.root, signal), network.start(signal)]);
  const names = createNames({
    members: network.members,
    serversOf: (member) => (state.containers.byId(member) ?? state.pods.byId(member))?.spec.network.dns ?? [],
    ports: () => network.namePorts,
    onPort: ({ bridge, gateway }, port) => network.leadNames(bridge, gateway, port),
    log,
  });
  stack.defer(() => names.close());
  let renewBuildkitd: () => void = () => undefined;
  const offReload = host.onReload?.(() => registries.reload().then(() => renewBuildkitd()));
  stack.defer(() => offReload?.());

  const events = new EventBus(state.events);
  const containerd = connectContainerd(paths.containerdSocket);
  stack.defer(() => containerd.close());
  const buildkitd = connectBuildkitd(paths.buildkitSocket);
  stack.defer(() => buildkitd.close());

  let containerdStarted = 0;
  const { snapshotter } = facts;
  const clearUp = (isReturn: boolean) =>
    afterContainerd(containerd, { snapshotter, since: containerdStarted, isReturn, signal, log });
  const exitNotes = new ExitNotes(paths.containerdState);
  const ownCgroups =
    facts.cgroupDriver === 'cgroupfs' ? { parent: cgroups.containers, version: facts.cgroupVersion } : undefined;
  const children = {
    ...(await childConfigs({
      config,
      paths,
      bin: engine.directory,
      cniConfDir: network.cniConfDir,
      facts,
      registries,
      cgroupParent: cgroups.builds,
      log,
    })),
    pluginSocket: network.pluginSocket,
    containerd,
    buildkitd,
    beforeContainerd: async () => {
      containerdStarted = Date.now();
      await beforeContainerd(paths, ownCgroups, exitNotes, log);
    },
    beforeBuildkitd: () => beforeBuildkitd(containerd, log),
    onContainerdRecovered: async () => {
      await clearUp(true);
      await containers.resync(containerdStarted, signal);
    },
    log,
  };
  const containerdChild = superviseContainerd(children);
  const buildkitdChild = superviseBuildkitd(children);
  pulling.push(containerdChild, buildkitdChild);
  const store = createImageEngine({
    containerd,
    snapshotter: facts.snapshotter,
    containersUsing: (imageId) => containers.namesUsing(imageId),
    removalsDone: () => containers.removalsDone(),
    registries,
    isOursAlone: registries.isOursAlone,
    log,
  });
  const images = withEvents(store, events);
  const containers = createContainerEngine({
    containerd,
    images,
    network,
    resolver: (id) => names.resolver(id),
    exitNotes,
    state,
    events,
    paths,
    facts,
    runtimes: Object.keys(config.runtimes),
    cgroupParent: cgroups.containers,
    initPath: engine.path('init'),
    filesHelper: filesHelperPath(),
    log,
  });

  containers.recall();
  await containerdChild.start(signal);
  stack.defer(() => containerdChild.stop(CHILD_STOP_MS));
  await endStaleLeases(containerd.leases, signal);
  await clearUp(false);
  await ensurePauseImage(containerd, engine.path('pause'), PAUSE_IMAGE, signal);
  // buildkitd needs only containerd; containers are taken up meanwhile.
  const kubeletImages = new KubeletImages(containerd, (id) => containers.namesUsing(id).length > 0, log);
  // Before its start: should one of the others fail, a buildkitd that is still coming up must go, too.
  stack.defer(() => buildkitdChild.stop(CHILD_STOP_MS));
  await Promise.all([buildkitdChild.start(signal), containers.reconcile(signal), kubeletImages.load(signal)]);
  followUntilDisposed(stack, (until) => kubeletImages.follow(until));
  stack.defer(async () => {
    await containers.close();
    inUse = await hasPods(containerd, log);
  });

  const own = new OwnCalls(buildkitd, () => buildkitdChild.settled());
  const rpc = createRpc({
    log,
    state,
    events,
    paths,
    containers,
    images,
    network,
    storage: storageEngine({ containerd, buildkitd: own.buildkitd, images: store, state, events, paths }),
    facts: systemFacts(config, facts, network.bridge, containers, images, [containerdChild, buildkitdChild]),
    gate: containerdGate({ containerd, returning: () => containerdChild.returning }),
  });
  const gateway = createGateway({
    socketPath: config.address,
    group: config.group,
    rpc,
    upstreams: { containerd: paths.containerdSocket, buildkitd: paths.buildkitSocket },
    buildkitdSettled: () => buildkitdChild.settled(),
    kubelet: {
      socketPath: paths.kubelet,
      isOwn: (sandboxId) => containers.ownsSandbox(sandboxId),
      isPinned: ({ id }) => kubeletImages.isPinned(id),
      onPulled: (id) => kubeletImages.onPulled(id),
    },
    log,
  });
  await gateway.listen(signal);
  stack.defer(() => gateway.drain(DRAIN_MS));
  const inner = new InnerBuilder(() => (buildkitdChild.state.kind === 'ready' ? paths.buildkitSocket : config.address));
  const isUsed = () => inner.isUsed || own.isUsed || gateway.usesBuildkitd();
  const renewal = new Renewal({ registries, buildkitd: buildkitdChild, isUsed });
  stack.defer(() => renewal.close());
  followUntilDisposed(stack, (until) => new ForgottenSteps({ containerd, isUsed, log }).follow(until));
  renewBuildkitd = () => renewal.look();
  // For a file that was read anew while all this was starting.
  renewal.look();
  const guest = await host.onReady?.({ address: config.address, inside: { rpc, builder: inner.dial } });
  if (guest !== undefined) stack.defer(() => guest.close());
  sweepUnpackedPrograms().catch((err: unknown) => log.warn({ err }, 'cannot remove what older versions unpacked'));
}

/** Lets something follow what happens until it is its turn to be disposed. */
function followUntilDisposed(stack: AsyncDisposableStack, follow: (signal: AbortSignal) => Promise<void>): void {
  const over = new AbortController();
  const following = follow(over.signal);
  stack.defer(() => {
    over.abort();
    return following;
  });
}
