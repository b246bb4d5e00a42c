/** Merges what a user asked for with the image's configuration, by docker's rules. */
import { posix } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import type { ContainerSpec, MountSpec, ResolvedConfig, ResolvedMount } from '../../state/spec.ts';
import { checkVolumeName } from '../volumes/names.ts';
import { mergeHealth } from './health/check.ts';
import { shortId } from './identity.ts';
import type { ImageConfig } from './image-config.ts';
import { parseSignal } from './signals.ts';

/** docker's PATH for images that set none (moby, container.DefaultPathEnv). */
const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const DEFAULT_STOP_SIGNAL = 'SIGTERM';

export interface ResolveInput {
  readonly id: string;
  readonly spec: ContainerSpec;
  readonly image: ImageConfig;
  /** Of this machine: what a container on the host's network is called. */
  readonly hostHostname: string;
  /** A new name for an anonymous volume. */
  readonly newVolumeName: () => string;
  /** Of --volumes-from; a mount of the container's own at the same place counts instead. */
  readonly inherited?: readonly ResolvedMount[];
}

/** The configuration that every attempt is made from. Throws INVALID_ARGUMENT in docker's words. */
export function resolveConfig(input: ResolveInput): ResolvedConfig {
  const { spec, image } = input;
  const entrypoint = spec.entrypoint ?? image.Entrypoint ?? [];
  // An entrypoint given by the user takes the image's command away with the image's entrypoint.
  const command = spec.command.length > 0 ? spec.command : spec.entrypoint === null ? (image.Cmd ?? []) : [];
  if (entrypoint.length + command.length === 0) throw invalid('no command specified');
  if (`${entrypoint[0] ?? ''}${command[0] ?? ''}` === '' && entrypoint.length + command.length === 1)
    throw invalid('no command specified');

  const workingDir = spec.workingDir === '' ? image.WorkingDir || '/' : spec.workingDir;
  if (!posix.isAbsolute(workingDir))
    throw invalid(`the working directory '${workingDir}' is invalid, it needs to be an absolute path`);
  const hostname =
    spec.hostname !== '' ? spec.hostname : spec.networkMode === 'host' ? input.hostHostname : shortId(input.id);
  if (!/^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,62})$/.test(hostname) && spec.hostname !== '')
    throw invalid(`invalid hostname format: ${hostname}`);
  const stopSignal = spec.stopSignal || image.StopSignal || DEFAULT_STOP_SIGNAL;
  parseSignal(stopSignal);
  const health = mergeHealth(spec.health, image.Healthcheck);

  const exposed = new Set(
    Object.keys(image.ExposedPorts ?? {}).map((port) => (port.includes('/') ? port : `${port}/tcp`)),
  );
  for (const port of spec.network.exposedPorts) exposed.add(port);
  for (const { containerPort, protocol } of spec.ports) exposed.add(`${containerPort}/${protocol}`);
  return {
    entrypoint,
    command,
    env: mergeEnv(
      [DEFAULT_PATH, `HOSTNAME=${hostname}`, ...(spec.tty ? ['TERM=xterm'] : [])],
      image.Env ?? [],
      spec.env,
    ),
    workingDir: posix.normalize(workingDir),
    user: spec.user || image.User || '',
    hostname,
    labels: { ...image.Labels, ...spec.labels },
    exposedPorts: [...exposed].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10) || a.localeCompare(b)),
    mounts: resolveMounts(spec.mounts, input.inherited ?? [], Object.keys(image.Volumes ?? {}), input.newVolumeName),
    stopSignal,
    ...(health === undefined ? {} : { health }),
    ...(image.Shell?.length ? { shell: image.Shell } : {}),
  };
}

/** Later settings replace earlier ones in place; a bare KEY takes the variable away. */
function mergeEnv(...lists: readonly (readonly string[])[]): string[] {
  const merged = new Map<string, string>();
  for (const entry of lists.flat()) {
    const equals = entry.indexOf('=');
    if (equals === -1) merged.delete(entry);
    else merged.set(entry.slice(0, equals), entry);
  }
  return [...merged.values()];
}

function resolveMounts(
  asked: readonly MountSpec[],
  inherited: readonly ResolvedMount[],
  imageVolumes: readonly string[],
  newVolumeName: () => string,
): ResolvedMount[] {
  const mounts = new Map<string, ResolvedMount>();
  for (const mount of asked) {
    const target = posix.normalize(mount.target).replace(/(.)\/$/, '$1');
    if (!posix.isAbsolute(mount.target))
      throw invalid(`invalid mount path: '${mount.target}' mount path must be absolute`);
    if (target === '/') throw invalid(`invalid volume specification: destination can't be '/'`);
    if (mounts.has(target)) throw invalid(`Duplicate mount point: ${target}`);
    if (mount.type === 'bind' && !posix.isAbsolute(mount.source))
      throw invalid(`invalid mount source '${mount.source}': it must be an absolute path`);
    if (mount.type === 'volume' && mount.source !== '') checkVolumeName(mount.source);
    const anonymous = mount.type === 'volume' && mount.source === '';
    const volume = mount.type !== 'volume' ? '' : anonymous ? newVolumeName() : mount.source;
    mounts.set(target, { ...mount, target, volume, anonymous, propagation: mount.propagation || 'rprivate' });
  }
  for (const mount of inherited) if (!mounts.has(mount.target)) mounts.set(mount.target, mount);
  for (const path of imageVolumes) {
    const target = posix.join('/', path).replace(/(.)\/$/, '$1');
    if (mounts.has(target)) continue;
    mounts.set(target, {
      type: 'volume',
      source: '',
      target,
      readOnly: false,
      propagation: 'rprivate',
      volume: newVolumeName(),
      anonymous: true,
    });
  }
  return [...mounts.values()].sort((a, b) => depth(a.target) - depth(b.target));
}

function depth(path: string): number {
  return path.split('/').length;
}

function invalid(message: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input' });
}
