/**
 * The way of every start: RunPodSandbox, CreateContainer, the patch of the specification, StartContainer. Nothing else is
 * in sequence: host files are made beside the sandbox, the address is asked for beside CreateContainer. What fails on
 * the way is taken back before the error goes out.
 */
import { Code, hasCode } from '../../../api/errors.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import { startError } from '../streams/start-error.ts';
import type { Attachment, AttachWants } from '../streams/types.ts';
import type { EngineContext, LiveContainer } from './context.ts';
import { containerConfig, sandboxConfig } from './cri-config.ts';
import type { ContainerStreams } from './dependencies.ts';
import { watchExit } from './exits.ts';
import { type HostSide, networkIdentity, prepareHost } from './host-side.ts';
import { INIT_MOUNT } from './init-mount.ts';
import { writeHosts } from './network-files.ts';
import type { OciSpec } from './oci-spec.ts';
import { patchSpec } from './patch-spec.ts';
import { portsToPublish } from './ports.ts';
import { processId } from './process-id.ts';
import { removeSandbox } from './sandboxes.ts';
import { seedVolumes } from './seed-volumes.ts';
import { startExitCode } from './start-exit-code.ts';
import { userError } from './users.ts';

export interface LaunchOptions {
  /** A client that is there from the first byte on. */
  readonly attach?: AttachWants | undefined;
  /** Of the restart policy that makes this attempt; 0: a user does. */
  readonly delayMs: number;
}

export interface Launched {
  readonly live: LiveContainer;
  readonly attachment: Attachment | undefined;
}

/**
 * Starts a new attempt. The caller holds the container's lock and knows that nothing of it runs. A failure leaves the
 * container as it was, with docker's exit code (125 to 128) and the reason recorded, and is thrown as docker's error.
 */
export async function launch(
  context: EngineContext,
  record: ContainerRecord,
  options: LaunchOptions,
): Promise<Launched> {
  const attempt = record.attempt + 1;
  context.state.containers.update(record.id, {
    state: 'starting',
    attempt,
    sandboxId: '',
    criId: '',
    pid: 0,
    error: '',
  });
  const undo: (() => void)[] = [];
  try {
    return await attemptStart(context, record, attempt, options, undo);
  } catch (thrown) {
    for (const step of undo.reverse()) step();
    const error = startError(userError(thrown, record.config.user));
    const exitCode = startExitCode(error);
    // Whatever happens to the ports: the row must not stay in `starting`.
    await context.network.release(record.id).catch((err: unknown) => {
      context.log.error({ err, container: record.id }, 'cannot release the ports of a container');
    });
    context.state.transaction(() => {
      context.state.containers.update(record.id, {
        state: record.startedAt === 0n ? 'created' : 'exited',
        sandboxId: '',
        criId: '',
        exitCode,
        error: error.message,
        ports: [],
        ip: '',
      });
      context.emit(record, 'die', { exitCode: String(exitCode) });
    });
    context.exits.post(record.id, 'exit', { exitCode, oomKilled: false, error: error.message });
    throw error;
  } finally {
    // The attempt before: its file system was kept until now, for there was something to look at.
    if (record.sandboxId !== '')
      context.background.run(`remove an earlier sandbox of ${record.name}`, () =>
        removeSandbox(context, record.sandboxId),
      );
  }
}

async function attemptStart(
  context: EngineContext,
  record: ContainerRecord,
  attempt: number,
  options: LaunchOptions,
  undo: (() => void)[],
): Promise<Launched> {
  const { containerd, state } = context;
  const { id, spec, config } = record;
  const bridged = spec.networkMode === 'default';
  const wanted = bridged ? portsToPublish(spec.ports, config, spec.network.publishAll) : [];
  const ports = wanted.length > 0 ? await context.network.reserve(id, record.name, wanted) : [];

  const sandbox = sandboxConfig({
    record,
    attempt,
    ports,
    logDirectory: `${context.paths.logs}/${id}`,
    cgroupParent: context.cgroupParent,
  });
  const runSandbox = containerd.cri.runPodSandbox({ config: sandbox }).then(({ podSandboxId }) => {
    undo.push(() =>
      context.background.run(`remove the failed sandbox of ${record.name}`, () => removeSandbox(context, podSandboxId)),
    );
    return podSandboxId;
  });
  const [sandboxId, host] = await allOrFirstError([runSandbox, prepareHost(context, record)]);
  state.containers.update(id, { sandboxId });

  const args = [...(spec.init ? [INIT_MOUNT] : []), ...config.entrypoint, ...config.command];
  const create = containerd.cri.createContainer({
    podSandboxId: sandboxId,
    config: containerConfig({ record, attempt, mounts: host.mounts, args, seccomp: context.seccomp }),
    sandboxConfig: sandbox,
  });
  const connect = bridged ? connectNetwork(context, record, sandboxId, host, ports) : Promise.resolve('');
  const [{ containerId: criId }, ip] = await allOrFirstError([create, connect]);
  state.containers.update(id, { criId, ip, ports });

  const [io] = await allOrFirstError([
    prepareStreams(context, record, criId, undo),
    writeSpec(context, record, criId, args),
    // Not the first attempt alone: that one may have failed on the way here.
    record.startedAt === 0n ? seedVolumes(context, criId, config.mounts) : Promise.resolve(),
  ]);
  const attachment = options.attach === undefined ? undefined : io.attach(options.attach);
  await containerd.cri.startContainer({ containerId: criId });
  await io.started();

  const startedAt = context.now();
  state.transaction(() => {
    state.containers.update(id, { state: 'running', startedAt, exitCode: 0, oomKilled: false, manualStop: false });
    context.emit(record, 'start');
  });
  const live = watchExit(context, { id, attempt, sandboxId, criId, io, ports, startedAt, delayMs: options.delayMs });
  context.background.run(`note the process of ${record.name}`, () => notePid(context, live));
  return { live, attachment };
}

/** For inspect; nothing waits for it. */
async function notePid(context: EngineContext, live: LiveContainer): Promise<void> {
  try {
    const pid = await processId(context, live.criId);
    if (context.live.get(live.id) === live) context.state.containers.update(live.id, { pid });
  } catch (error) {
    // It has ended already.
    if (!hasCode(error, Code.NOT_FOUND)) throw error;
  }
}

/** Both FIFOs of the process are ours before it starts; of a start that fails nothing may stay open. */
async function prepareStreams(
  context: EngineContext,
  record: ContainerRecord,
  criId: string,
  undo: (() => void)[],
): Promise<ContainerStreams> {
  const io = await context.streams.prepare(ioOptions(context, record, criId));
  undo.push(() => io.failed());
  return io;
}

/** How the streams of a container are opened, by a start and after a restart of the daemon alike. */
export function ioOptions(context: EngineContext, record: ContainerRecord, criId: string) {
  return {
    containerId: record.id,
    criId,
    containerdState: context.paths.containerdState,
    fifoDir: context.paths.fifos,
    logPath: record.logPath,
    tty: record.spec.tty,
    stdin: record.spec.openStdin,
    stdinOnce: record.spec.stdinOnce,
    tasks: context.containerd.tasks,
    log: context.log,
  };
}

/** Learns the pod's address, tells /etc/hosts and leads the published ports there. */
async function connectNetwork(
  context: EngineContext,
  record: ContainerRecord,
  sandboxId: string,
  host: HostSide,
  ports: ContainerRecord['ports'],
): Promise<string> {
  const { status } = await context.containerd.cri.podSandboxStatus({ podSandboxId: sandboxId });
  const ip = status?.network?.ip ?? '';
  await Promise.all([
    writeHosts(host.files, networkIdentity(context, record), ip),
    ports.length > 0 ? context.network.publish(record.id, ip, ports) : undefined,
  ]);
  return ip;
}

async function writeSpec(
  context: EngineContext,
  record: ContainerRecord,
  criId: string,
  args: readonly string[],
): Promise<void> {
  const { spec: asked, config } = record;
  const { container } = await context.containerd.containers.get({ id: criId });
  const any = container?.spec;
  if (any === undefined) throw new Error(`containerd has no specification of container ${criId}`);
  const oci = JSON.parse(Buffer.from(any.value).toString('utf8')) as OciSpec;
  patchSpec(oci, {
    args,
    env: config.env,
    hostname: config.hostname,
    domainname: asked.network.domainname,
    networkMode: asked.networkMode,
    console:
      asked.tty && asked.consoleHeight > 0 && asked.consoleWidth > 0
        ? { height: asked.consoleHeight, width: asked.consoleWidth }
        : undefined,
    tmpfs: config.mounts.filter(({ type }) => type === 'tmpfs'),
  });
  await context.containerd.containers.update({
    container: { id: criId, spec: { typeUrl: any.typeUrl, value: Buffer.from(JSON.stringify(oci)) } },
    updateMask: ['spec'],
  });
}

/** Like Promise.all, but settles only when all have: what the slower one made must be known before it is taken back. */
async function allOrFirstError<T extends readonly unknown[]>(
  promises: {
    readonly [K in keyof T]: Promise<T[K]>;
  },
): Promise<T> {
  const settled = await Promise.allSettled(promises);
  for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason;
  return settled.map((outcome) => (outcome as PromiseFulfilledResult<unknown>).value) as unknown as T;
}
