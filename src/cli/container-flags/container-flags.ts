/** The flags that run and create share: what a container is made from. */
import type { Command } from 'commander';
import type { ContainerSpec, Mount } from '../../api/gen/k3c.ts';
import { isImageId, parseReference } from '../../api/reference.ts';
import type { CommandContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { checkVariable, proxyVariables, readEnvironment, toLabels } from '../flags/environment.ts';
import { checkMount, parseMount, parseTmpfs, parseVolume } from '../flags/mounts.ts';
import { flag, value, values } from '../flags/option.ts';
import { parseInteger } from '../flags/sizes.ts';
import { parseRestart, toEntrypoint } from '../flags/words.ts';
import { type HealthFlags, healthFlags, toHealthCheck } from './health.ts';
import { type IsolationFlags, isolationFlags, toIsolation } from './isolation.ts';
import { type LogFlags, logFlags, toLog } from './log.ts';
import { type NetworkFlags, networkFlags } from './network.ts';
import { toNetworks } from './networks.ts';
import { type ResourceFlags, resourceFlags, toResources } from './resources.ts';
import { labelsOf, portsOf, type SandboxFlags, sandboxFlags } from './sandbox.ts';
import { type SecurityFlags, securityFlags, toSecurity } from './security.ts';

export interface ContainerFlags
  extends HealthFlags,
    IsolationFlags,
    LogFlags,
    NetworkFlags,
    ResourceFlags,
    SandboxFlags,
    SecurityFlags {
  readonly cidfile?: string;
  readonly entrypoint?: string;
  readonly env?: readonly string[];
  readonly envFile?: readonly string[];
  readonly init?: boolean;
  readonly interactive?: boolean;
  readonly mount?: readonly string[];
  readonly name?: string;
  readonly platform?: string;
  readonly pod?: string;
  readonly privileged?: boolean;
  readonly pull: string;
  readonly quiet?: boolean;
  readonly readOnly?: boolean;
  readonly restart?: string;
  readonly rm?: boolean;
  readonly stopSignal?: string;
  readonly stopTimeout?: number;
  readonly tmpfs?: readonly string[];
  readonly tty?: boolean;
  readonly user?: string;
  readonly volume?: readonly string[];
  readonly volumeDriver?: string;
  readonly volumesFrom?: readonly string[];
  readonly workdir?: string;
}

/** Registers the flags. */
export function addContainerFlags(command: Command): void {
  for (const option of [
    ...sandboxFlags('container'),
    ...healthFlags(),
    ...networkFlags(),
    ...isolationFlags(),
    ...logFlags(),
    ...resourceFlags(),
    ...securityFlags(),
    value('--cidfile <string>', 'Write the container ID to the file'),
    value('--entrypoint <string>', 'Overwrite the default ENTRYPOINT of the image'),
    values('-e, --env <list>', 'Set environment variables', checkVariable),
    values('--env-file <list>', 'Read in a file of environment variables'),
    flag('--init', 'Run an init inside the container that forwards signals and reaps processes'),
    flag('-i, --interactive', 'Keep STDIN open even if not attached'),
    values('--mount <mount>', 'Attach a filesystem mount to the container', checkMount),
    value('--name <string>', 'Assign a name to the container'),
    value('--platform <string>', 'Set platform if server is multi-platform capable'),
    value('--pod <string>', 'Run the container in a pod; new:NAME makes it'),
    flag('--privileged', 'Give extended privileges to this container'),
    value('--pull <string>', 'Pull image before running ("always", "missing", "never")').default('missing'),
    flag('-q, --quiet', 'Suppress the pull output'),
    flag('--read-only', "Mount the container's root filesystem as read only"),
    value('--restart <string>', 'Restart policy to apply when a container exits').default(undefined, '"no"'),
    flag('--rm', 'Automatically remove the container and its associated anonymous volumes when it exits'),
    value('--stop-signal <string>', 'Signal to stop the container'),
    value('--stop-timeout <int>', 'Timeout (in seconds) to stop a container', parseInteger),
    values('--tmpfs <list>', 'Mount a tmpfs directory'),
    flag('-t, --tty', 'Allocate a pseudo-TTY'),
    value('-u, --user <string>', 'Username or UID (format: <name|uid>[:<group|gid>])'),
    values('-v, --volume <list>', 'Bind mount a volume'),
    value('--volume-driver <string>', 'Optional volume driver for the container'),
    values('--volumes-from <list>', 'Mount volumes from the specified container(s)'),
    value('-w, --workdir <string>', 'Working directory inside the container'),
  ]) {
    command.addOption(option);
  }
}

/**
 * What the flags ask for. Reads the files that they name. Throws CliError with docker's sentences.
 * @param operands image, command, arguments
 */
export async function toContainerSpec(
  context: CommandContext,
  operands: readonly string[],
  flags: ContainerFlags,
): Promise<ContainerSpec> {
  const [image = '', ...command] = operands;
  if (!['always', 'missing', 'never'].includes(flags.pull)) {
    throw new CliError(`invalid pull option: '${flags.pull}': must be one of "always", "missing" or "never"`);
  }
  if (!isImageId(image)) parseReference(image);
  checkPodNetwork(flags);
  const restart = flags.restart === undefined ? undefined : inWords(() => parseRestart(flags.restart ?? ''));
  if (flags.rm === true && restart !== undefined && restart.name !== 'no') {
    throw new CliError('conflicting options: cannot specify both --restart and --rm');
  }
  const variables = flags.env ?? [];
  const proxies = proxyVariables((await context.dockerConfig()).proxies, variables);
  const { columns, rows } = context.terminal.size();
  return {
    image,
    command,
    entrypoint: toEntrypoint(flags.entrypoint),
    env: await readEnvironment(flags.envFile ?? [], [...proxies, ...variables], context.env, context.cwd),
    workingDir: flags.workdir ?? '',
    user: flags.user ?? '',
    hostname: flags.hostname ?? '',
    tty: flags.tty === true,
    openStdin: flags.interactive === true,
    labels: await labelsOf(flags, context.cwd),
    ports: portsOf(flags),
    mounts: toMounts(flags, context.cwd),
    restart,
    autoRemove: flags.rm === true,
    resources: toResources(flags),
    stopSignal: flags.stopSignal ?? '',
    stopTimeout: flags.stopTimeout,
    privileged: flags.privileged === true,
    readOnly: flags.readOnly === true,
    init: flags.init === true,
    consoleHeight: flags.tty === true ? rows : 0,
    consoleWidth: flags.tty === true ? columns : 0,
    annotations: toLabels(flags.annotation ?? []),
    security: await toSecurity(flags, context.cwd),
    isolation: toIsolation(flags),
    ...toNetworks(flags.network, flags),
    health: toHealthCheck(flags),
    volumesFrom: [...(flags.volumesFrom ?? [])],
    log: toLog(flags),
    platform: flags.platform ?? '',
    pod: flags.pod ?? '',
  };
}

/** The rest of what a pod decides the daemon refuses; a default network that was asked for it cannot tell from none. */
function checkPodNetwork({ pod = '', network }: ContainerFlags): void {
  if (pod !== '' && !pod.startsWith('new:') && network !== undefined)
    throw new CliError(`conflicting options: --network and --pod ${pod}`);
}

/**
 * All mounts of the flags. The same -v twice is one, and the anonymous volume of a -v gives way to whatever else is for its place, as
 * in docker. Throws CliError where one is wrong or two have one target.
 */
function toMounts(flags: ContainerFlags, cwd: string): Mount[] {
  const [volumes, others] = inWords(() => [
    [...new Set(flags.volume ?? [])].map((text) => withDriver(parseVolume(text, cwd), flags.volumeDriver ?? '')),
    [...(flags.mount ?? []).map((text) => parseMount(text, cwd)), ...(flags.tmpfs ?? []).map(parseTmpfs)],
  ]);
  const [anonymous, named] = [volumes.filter(isAnonymous), volumes.filter((mount) => !isAnonymous(mount))];
  const mounts = new Map<string, Mount>();
  for (const mount of [...named, ...others]) {
    if (mounts.has(mount.target)) throw new CliError(`Duplicate mount point: ${mount.target}`);
    mounts.set(mount.target, mount);
  }
  for (const mount of anonymous) if (!mounts.has(mount.target)) mounts.set(mount.target, mount);
  return [...mounts.values()];
}

function isAnonymous({ type, source }: Mount): boolean {
  return type === 'volume' && source === '';
}

/** `--volume-driver` is for what -v makes. */
function withDriver(mount: Mount, volumeDriver: string): Mount {
  return mount.type === 'volume' ? { ...mount, volumeDriver } : mount;
}

/** What docker checks only when the whole command line was read: told without the usage. */
function inWords<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new CliError((cause as Error).message, { cause });
  }
}
