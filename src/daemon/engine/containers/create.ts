/** Recording a container. Nothing runs yet: every start makes a fresh sandbox from what is recorded here. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import type { ContainerSpec } from '../../state/spec.ts';
import { podNow } from '../pods/find-pod.ts';
import { adaptSpec } from './adapt-spec.ts';
import type { EngineContext } from './context.ts';
import { LOG_FILE } from './cri-config.ts';
import { checkNameFree, isNameTaken } from './free-name.ts';
import { checkHealth } from './health/check.ts';
import { checkName, findContainer, newId } from './identity.ts';
import type { ResolvedImage } from './image-config.ts';
import { generateName } from './names.ts';
import { resolveConfig } from './resolve-config.ts';
import { checkSecurity, securityWarnings } from './security/check-security.ts';
import { recordVolumes } from './volumes.ts';
import { inheritedMounts } from './volumes-from.ts';

/** A new container, with what docker would tell the client of a request that it takes all the same. */
export interface CreatedContainer extends ContainerRecord {
  readonly warnings: readonly string[];
}

/**
 * Creates a container from an image of the store. All that is wrong with the request is found here, before anything is
 * written; the row, its volumes and its event are one transaction.
 */
export async function createContainer(
  context: EngineContext,
  name: string,
  asked: ContainerSpec,
): Promise<CreatedContainer> {
  const given = name === '' ? undefined : checkName(name);
  checkSpec(context, asked);
  checkHealth(asked.health);
  await checkSecurity(context, asked);
  const { spec, endpoints, warnings } = adaptSpec(context, asked);
  return await context.images.use(
    spec.image,
    (image) => recordContainer(context, { given, spec, endpoints, warnings, image }),
    undefined,
    spec.platform,
  );
}

interface Checked extends Pick<ReturnType<typeof adaptSpec>, 'spec' | 'endpoints' | 'warnings'> {
  /** Absent: one is made up. */
  readonly given: string | undefined;
  readonly image: ResolvedImage;
}

/** Writes the row and all that belongs to it. It waits for nothing: the image is there now. */
function recordContainer(
  context: EngineContext,
  { given, spec, endpoints, warnings, image }: Checked,
): CreatedContainer {
  const id = newId();
  const config = resolveConfig({
    id,
    spec,
    image: image.config.config ?? {},
    hostHostname: context.hostHostname,
    newVolumeName: () => randomBytes(32).toString('hex'),
    inherited: inheritedMounts(spec.volumesFrom, (reference) => findContainer(context.state.containers, reference)),
  });
  const { containers } = context.state;
  return context.state.transaction(() => {
    // It may have been removed meanwhile.
    if (spec.pod !== '') podNow(context.state.pods, spec.pod);
    if (given !== undefined) checkNameFree(context.state, given, 'container');
    const row: ContainerRecord = {
      id,
      name: given ?? generateName((candidate) => isNameTaken(context.state, candidate)),
      spec,
      config,
      imageId: image.id,
      imageRef: image.reference,
      createdAt: context.now(),
      logPath: join(context.paths.logs, id, LOG_FILE),
      state: 'created',
      attempt: -1,
      sandboxId: '',
      criId: '',
      pid: 0,
      startedAt: 0n,
      finishedAt: 0n,
      exitCode: 0,
      oomKilled: false,
      error: '',
      restartCount: 0,
      restartDelayMs: 0,
      manualStop: false,
      restartAsked: null,
      ports: [],
      ip: '',
      endpoints,
    };
    containers.insert(row);
    recordVolumes(context, config.mounts, row.createdAt);
    context.emit(row, 'create');
    return { ...row, warnings: [...warnings, ...platformWarnings(spec, image), ...securityWarnings(spec, context)] };
  });
}

/** docker's words for an image of another machine that nobody asked for. */
function platformWarnings(spec: ContainerSpec, image: ResolvedImage): string[] {
  if (image.foreign === undefined || spec.platform !== '') return [];
  const host = `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`;
  return [
    `The requested image's platform (${image.foreign}) does not match the detected host platform (${host}) ` +
      'and no specific platform was requested',
  ];
}

function checkSpec(context: EngineContext, spec: ContainerSpec): void {
  const refuse = (message: string, hint?: string) => {
    throw new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input', hint });
  };
  if (spec.image === '') refuse('invalid reference format');
  if (spec.autoRemove && spec.restart.name !== 'no') refuse(`can't create 'AutoRemove' container with restart policy`);
  if (spec.restart.maximumRetryCount > 0 && spec.restart.name !== 'on-failure')
    refuse(`invalid restart policy: maximum retry count cannot be used with restart policy '${spec.restart.name}'`);
  if (spec.networkMode === 'none' && spec.ports.length > 0)
    refuse('conflicting options: port publishing and the network mode none');
  if (spec.init && context.paths.init === undefined)
    throw new K3cError(Code.UNIMPLEMENTED, '--init is not available: this daemon has no init binary', {
      hint: 'leave --init away, or use an image with an init of its own',
    });
}
