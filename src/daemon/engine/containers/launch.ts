/**
 * The way of every start: RunPodSandbox (or the pod that is there), CreateContainer, the patch of the specification, StartContainer.
 * Nothing else is in sequence: the address is asked for beside CreateContainer. What fails on the way is taken back before
 * the error goes out.
 */
import { Code, hasCode, type K3cError } from '../../../api/errors.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import { renewNames } from '../pods/names.ts';
import { startError } from '../streams/start-error.ts';
import type { Attachment, AttachWants } from '../streams/types.ts';
import { allOrFirstError } from './all-or-first-error.ts';
import type { EngineContext, LiveContainer } from './context.ts';
import { containerConfig } from './cri-config.ts';
import type { ContainerStreams } from './dependencies.ts';
import { discard } from './discard.ts';
import { watchExit } from './exits.ts';
import { applyStage } from './files/stage.ts';
import { INIT_MOUNT } from './init-mount.ts';
import { joinNamespaces } from './limits/joined.ts';
import { logLimits } from './log-options.ts';
import { leaveNetworks } from './membership.ts';
import { networkDonor } from './network-side.ts';
import { ownPlace, placeInPod } from './place.ts';
import { processId } from './process-id.ts';
import { tellHeld } from './resource-events.ts';
import { removeAttempt } from './sandboxes.ts';
import { securityError } from './security/cri-error.ts';
import { prepareSecurity } from './security/cri-security.ts';
import { seedVolumes } from './seed-volumes.ts';
import { startExitCode } from './start-exit-code.ts';
import { userError } from './users.ts';
import { watchOwnSandbox } from './watch-sandbox.ts';
import { writeSpec } from './write-spec.ts';

export interface LaunchOptions {
  /** A client that is there from the first byte on. */
  readonly attach?: AttachWants | undefined;
}

export interface Launched {
  readonly live: LiveContainer;
  readonly attachment: Attachment | undefined;
}

/**
 * Starts a new attempt. The caller holds the container's lock and knows that nothing of it runs. A failure leaves the
 * container as it was, with docker's exit code (125 to 128) and the reason recorded, and is thrown as docker's error. A --rm
 * container is then removed.
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
    // Whatever happens on the way back: the row must not stay in `starting`.
    const report = (err: unknown) => context.log.error({ err, container: record.id }, 'cannot take back a start');
    for (const step of undo.reverse()) {
      try {
        step();
      } catch (err) {
        report(err);
      }
    }
    leaveNetworks(context, record.id);
    await context.network.release(record.id).catch(report);
    await context.volumeMounts.release(record.id).catch(report);
    const error = startError(securityError(userError(thrown, record.config.user), record.spec.security.runtime));
    recordFailure(context, record, error);
    throw error;
  } finally {
    // The attempt before: its file system was kept until now, for there was something to look at.
    if (record.sandboxId !== '')
      context.background.run(`remove an earlier attempt of ${record.name}`, () => removeAttempt(context, record));
  }
}

function recordFailure(context: EngineContext, record: ContainerRecord, error: K3cError): void {
  const exitCode = startExitCode(error);
  const exit = { exitCode, oomKilled: false, error: error.message };
  const cleanUp = context.state.transaction(() => {
    context.state.containers.update(record.id, {
      state: record.startedAt === 0n ? 'created' : 'exited',
      sandboxId: '',
      criId: '',
      exitCode,
      error: error.message,
      ports: [],
      ip: '',
    });
    // A restart that the stop of this daemon cuts off is finished by the next one.
    const isFinal = record.restartAsked === null || !context.closing.aborted;
    return isFinal && record.spec.autoRemove
      ? discard(context, { ...record, sandboxId: '', criId: '' }, { volumes: true })
      : undefined;
  });
  renewNames(context, record.spec.pod);
  context.exits.post(record.id, 'exit', exit);
  if (cleanUp === undefined) return;
  context.exits.post(record.id, 'removed', exit);
  cleanUp();
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
  const [joined, donor] = await Promise.all([
    joinNamespaces(context, spec.isolation),
    networkDonor(context, spec.networkMode),
  ]);
  const security = await prepareSecurity(context, spec);
  const place =
    spec.pod === ''
      ? await ownPlace(context, record, { attempt, donor, undo })
      : await placeInPod(context, record, undo);
  const { sandboxId, host, pod, ports } = place;
  state.containers.update(id, { sandboxId });

  // In a PID namespace that others have too there is an init already.
  const init = spec.init && spec.isolation.pidMode === '';
  const args = [...(init ? [INIT_MOUNT] : []), ...config.entrypoint, ...config.command];
  const create = containerd.cri
    .createContainer({
      podSandboxId: sandboxId,
      config: containerConfig({ record, pod, attempt, mounts: host.mounts, args, security, host: context }),
      sandboxConfig: place.sandboxConfig,
    })
    .then(({ containerId }) => {
      place.created(containerId);
      return containerId;
    });
  const [criId, { ip, endpoints }] = await allOrFirstError([create, place.connect()]);
  state.containers.update(id, { criId, ip, ports, ...(endpoints.length > 0 ? { endpoints } : {}) });
  await applyStage(context, id, criId);

  const [io] = await allOrFirstError([
    prepareStreams(context, record, criId, undo),
    writeSpec(context, record, criId, { args, joined, security, network: place.network, donor: donor?.record, pod }),
    // Not the first attempt alone: that one may have failed on the way here.
    record.startedAt === 0n ? seedVolumes(context, criId, config.mounts) : Promise.resolve(),
  ]);
  const attachment = options.attach === undefined ? undefined : io.attach(options.attach);
  await containerd.cri.startContainer({ containerId: criId }, { signal: context.abandon });
  await io.started();

  const startedAt = context.now();
  state.transaction(() => {
    const fresh = { exitCode: 0, oomKilled: false, manualStop: false, restartAsked: null };
    state.containers.update(id, { state: 'running', startedAt, ...fresh });
    if (attachment !== undefined) context.emit(record, 'attach');
    tellHeld(context, record);
    context.emit(record, 'start');
  });
  const live = watchExit(context, { id, attempt, sandboxId, criId, io, ports, startedAt });
  if (spec.pod === '') watchOwnSandbox(context, live);
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
    logPath: record.spec.log.driver === 'none' ? undefined : record.logPath,
    logLimits: logLimits(record.spec.log),
    tty: record.spec.tty,
    stdin: record.spec.openStdin,
    stdinOnce: record.spec.stdinOnce,
    tasks: context.containerd.tasks,
    log: context.log,
  };
}
