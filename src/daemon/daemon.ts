/** The composition root: everything the daemon is made of, put together in order and disposed in reverse. */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { RpcServer } from '../api/rpc/server.ts';
import { version } from '../api/version.ts';
import { holdUnpackedProgram, sweepUnpackedPrograms, unpackEngine } from '../bundle/engine.ts';
import { filesHelperPath, loadSqliteAddon } from '../bundle/program.ts';
import { sendDatagram } from '../host/libc.ts';
import type { Log } from '../host/log.ts';
import { isHeldBy } from '../host/loopback-peer.ts';
import { inheritedNetlinkSockets } from '../host/netlink/socket.ts';
import { afterContainerd } from './after-containerd.ts';
import { connectBuildkitd } from './backends/buildkitd.ts';
import { connectContainerd } from './backends/containerd.ts';
import { ExitNotes } from './backends/exit-notes.ts';
import { endStaleLeases } from './backends/leases.ts';
import { beforeBuildkitd, beforeContainerd } from './before-child.ts';
import { InnerBuilder, OwnCalls, Renewal } from './buildkitd-renewal.ts';
import { cgroupParents, removeCgroups } from './cgroups.ts';
import { childConfigs, PAUSE_IMAGE } from './child-configs.ts';
import { claim } from './claims.ts';
import { type DaemonConfig, loadConfig } from './config.ts';
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
import { checkHost } from './host-check.ts';
import { ensureHostsFile } from './hosts-file.ts';
import { KubeletImages } from './kubelet-images.ts';
import { openLog } from './log.ts';
import { type Paths, pathsOf } from './paths.ts';
import { createRpc } from './rpc.ts';
import { openDatabase } from './state/database.ts';
import type { Supervised } from './supervisor/child.ts';
import { superviseBuildkitd, superviseContainerd } from './supervisor/engine.ts';
import { systemFacts } from './system-facts.ts';

const DRAIN_MS = 2000;
const CHILD_STOP_MS = 10_000;

/** What the daemon needs of the process it runs in. */
export interface DaemonHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by SIGTERM or SIGINT: stop, and leave the containers running. */
  readonly signal: AbortSignal;
  readonly logsToTerminal: boolean;
  /** Calls back at every SIGHUP until the returned function is called. */
  readonly onReload?: (listener: () => Promise<void>) => () => void;
  /** Called when everything is served, with what it serves and where; what it returns is closed first when the daemon stops. */
  readonly onReady?: (served: {
    readonly address: string;
    readonly inside: { readonly rpc: RpcServer; readonly builder: () => Duplex };
  }) => Promise<{ close(): Promise<void> } | undefined>;
}

/**
 * Runs the daemon until its host's signal is aborted.
 * @param flags as typed, by key of `settings`; config.yaml and the environment count where they say nothing
 * @returns the exit code: 0 after a stop that was asked for
 * @throws K3cError where the configuration or the host does not allow a start
 */
export async function runDaemon(
  flags: Readonly<Record<string, string | undefined>>,
  host: DaemonHost,
): Promise<number> {
  const config = await loadConfig(flags, host.env, host.logsToTerminal);
  const log = openLog(config);
  const started = performance.now();
  const paths = pathsOf(config);
  await using stack = new AsyncDisposableStack();
  // A promise that nobody waited for is a mistake of ours, in a handler or in a command behind the front door; it must not take
  // everybody else's connections down with it.
  const onStray = (err: unknown) => log.error({ err }, 'a failure that nobody waited for');
  process.on('unhandledRejection', onStray);
  stack.defer(() => void process.off('unhandledRejection', onStray));
  await start(config, paths, host, log, stack);
  log.info(
    { address: config.address, root: config.root, ms: Math.round(performance.now() - started) },
    `k3c ${version} is ready`,
  );
  notify(host, 'READY=1', log);
  if (!host.signal.aborted) await once(host.signal, 'abort');
  notify(host, 'STOPPING=1', log);
  log.info({}, 'stopping; containers go on running');
  return 0;
}

/** Starts everything; each part that needs an end pushes it onto the stack, so that a failure undoes what was done. */
async function start(
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
  const [engine, registries] = await Promise.all([
    unpackEngine(paths.root, signal),
    LiveRegistries.open(config.registries, paths.certs, {
      required: config.registriesNamed,
      isAllowed: (socket) =>
        isHeldBy(
          socket,
          pulling.flatMap(({ pid }) => pid ?? []),
        ),
      log,
    }),
    network.start(signal),
  ]);
  const names = createNames({
    members: network.members,
    serversOf: (member) => (state.containers.byId(member) ?? state.pods.byId(member))?.spec.network.dns ?? [],
    ports: () => network.namePorts,
    onPort: ({ bridge, gateway }, port) => network.leadNames(bridge, gateway, port),
    log,
  });
  stack.defer(() => names.close());
  stack.defer(() => registries.close());
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
  const clearUp = () => afterContainerd(containerd, { snapshotter, since: containerdStarted, signal, log });
  const exitNotes = new ExitNotes(paths.containerdState);
  const ownCgroups =
    facts.cgroupDriver === 'cgroupfs' ? { parent: cgroups.containers, version: facts.cgroupVersion } : undefined;
  const children = {
    ...(await childConfigs({
      config,
      paths,
      bin: engine.directory,
      facts,
      registries,
      cgroupParent: cgroups.builds,
      log,
    })),
    containerd,
    buildkitd,
    beforeContainerd: async () => {
      containerdStarted = Date.now();
      await beforeContainerd(paths, ownCgroups, exitNotes, log);
    },
    beforeBuildkitd: () => beforeBuildkitd(containerd, log),
    onContainerdRecovered: async () => {
      await clearUp();
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
  await clearUp();
  await ensurePauseImage(containerd, engine.path('pause'), PAUSE_IMAGE, signal);
  // buildkitd needs only containerd; containers are taken up meanwhile.
  const kubeletImages = new KubeletImages(containerd, (id) => containers.namesUsing(id).length > 0, log);
  // Before its start: should one of the others fail, a buildkitd that is still coming up must go, too.
  stack.defer(() => buildkitdChild.stop(CHILD_STOP_MS));
  await Promise.all([buildkitdChild.start(signal), containers.reconcile(signal), kubeletImages.load(signal)]);
  const unfollow = new AbortController();
  const following = kubeletImages.follow(unfollow.signal);
  stack.defer(() => {
    unfollow.abort();
    return following;
  });
  stack.defer(async () => {
    await containers.close();
    // A containerd that is just being started again cannot tell: what pods may need is left then.
    await containerd.cri.listPodSandbox({}, { timeoutMs: 2000 }).then(
      ({ items }) => {
        inUse = items.length > 0;
      },
      (err: unknown) => log.warn({ err }, 'cannot ask for pods: bridge, rules and cgroups stay'),
    );
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
  const renewal = new Renewal({
    registries,
    buildkitd: buildkitdChild,
    isUsed: () => inner.isUsed || own.isUsed || gateway.usesBuildkitd(),
  });
  stack.defer(() => renewal.close());
  renewBuildkitd = () => renewal.look();
  // For a file that was read anew while all this was starting.
  renewal.look();
  const guest = await host.onReady?.({ address: config.address, inside: { rpc, builder: inner.dial } });
  if (guest !== undefined) stack.defer(() => guest.close());
  sweepUnpackedPrograms().catch((err: unknown) => log.warn({ err }, 'cannot remove what older versions unpacked'));
}

/** Tells a service manager that asked for it (sd_notify(3)). */
function notify(host: DaemonHost, message: string, log: Log): void {
  const socket = host.env['NOTIFY_SOCKET'];
  if (socket === undefined || socket === '') return;
  try {
    sendDatagram(socket, message);
  } catch (err) {
    log.warn({ err, socket }, 'cannot tell the service manager');
  }
}
