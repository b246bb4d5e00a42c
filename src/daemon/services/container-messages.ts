/** k3c.v1's container messages to the engine's words and back. */
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { Code, K3cError } from '../../api/errors.ts';
import type { ContainerSummary, Mount, PortRequest, ContainerSpec as SpecMessage } from '../../api/gen/k3c.ts';
import { familiar } from '../../api/reference.ts';
import { networkName } from '../engine/containers/filters.ts';
import { argv, visibleState } from '../engine/containers/summary.ts';
import type { ContainerRecord, ContainerSpec } from '../engine/containers/types.ts';

const NETWORK_MODES: Readonly<Record<string, ContainerSpec['networkMode']>> = {
  '': 'default',
  default: 'default',
  bridge: 'default',
  host: 'host',
  none: 'none',
};
const RESTART_POLICIES = ['no', 'always', 'unless-stopped', 'on-failure'] as const;
const PROPAGATIONS = ['', 'private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'];

/**
 * Checks a specification for what the message's types leave open. INVALID_ARGUMENT in docker's words.
 * @param stdinOnce whether the stdin of the process ends with that of the client that runs it
 */
export function toSpec(message: SpecMessage | undefined, stdinOnce: boolean): ContainerSpec {
  if (message === undefined) throw invalid('the request has no container specification');
  const networkMode = NETWORK_MODES[message.networkMode];
  if (message.networkMode.startsWith('container:'))
    throw invalid("k3c cannot join another container's network", 'use default, host or none');
  if (networkMode === undefined)
    throw new K3cError(Code.NOT_FOUND, `network ${message.networkMode} not found`, {
      reason: 'bad-input',
      hint: 'use default, host or none',
    });
  const policy = message.restart?.name || 'no';
  const restart = RESTART_POLICIES.find((name) => name === policy);
  if (restart === undefined)
    throw invalid(
      `invalid restart policy: unknown policy '${policy}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  return {
    image: message.image,
    entrypoint: message.entrypoint?.values ?? null,
    command: message.command,
    env: message.env,
    workingDir: message.workingDir,
    user: message.user,
    hostname: message.hostname,
    tty: message.tty,
    openStdin: message.openStdin,
    stdinOnce: message.openStdin && stdinOnce,
    labels: message.labels,
    ports: message.ports.map(toPort),
    mounts: message.mounts.map(toMount),
    networkMode,
    restart: { name: restart, maximumRetryCount: message.restart?.maximumRetryCount ?? 0 },
    autoRemove: message.autoRemove,
    memoryBytes: Number(message.resources?.memoryBytes ?? 0n),
    nanoCpus: Number(message.resources?.nanoCpus ?? 0n),
    stopSignal: message.stopSignal,
    stopTimeout: message.stopTimeout ?? null,
    privileged: message.privileged,
    readOnly: message.readOnly,
    init: message.init,
    consoleHeight: message.consoleHeight,
    consoleWidth: message.consoleWidth,
    annotations: message.annotations,
  };
}

function toPort({ hostIp, hostPort, containerPort, protocol }: PortRequest): ContainerSpec['ports'][number] {
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== '') throw invalid(`invalid proto: ${protocol}`);
  if (containerPort < 1 || containerPort > 65535) throw invalid(`invalid containerPort: ${containerPort}`);
  if (hostPort > 65535) throw invalid(`invalid hostPort: ${hostPort}`);
  if (hostIp !== '' && isIP(hostIp) === 0) throw invalid(`invalid IP address: ${hostIp}`);
  return { hostIp, hostPort, containerPort, protocol: protocol === 'udp' ? 'udp' : 'tcp' };
}

function toMount({ type, source, target, readOnly, propagation, mustExist }: Mount): ContainerSpec['mounts'][number] {
  if (type !== 'bind' && type !== 'volume' && type !== 'tmpfs') throw invalid(`mount type unknown: "${type}"`);
  if (!PROPAGATIONS.includes(propagation)) throw invalid(`invalid propagation mode: "${propagation}"`);
  if (type === 'bind' && mustExist && !existsSync(source)) {
    throw invalid(`invalid mount config for type "bind": bind source path does not exist: ${source}`);
  }
  return { type, source, target, readOnly, propagation };
}

/** A line of `ps`; sizes are 0 unless they were asked for. */
export function toSummary(record: ContainerRecord, usage?: { readonly writable: bigint; readonly rootFs: bigint }) {
  const { config } = record;
  return {
    id: record.id,
    name: record.name,
    image: shownImage(record),
    imageId: record.imageId,
    command: argv(record).join(' '),
    createdAt: record.createdAt,
    startedAt: record.startedAt,
    finishedAt: record.finishedAt,
    state: visibleState(record),
    exitCode: record.exitCode,
    ports: [...record.ports],
    labels: { ...config.labels },
    networks: [networkName(record)],
    mounts: config.mounts.map(({ type, source, target, readOnly, propagation, volume }) => ({
      type,
      source: volume === '' ? source : volume,
      target,
      readOnly,
      propagation,
      mustExist: false,
    })),
    ip: record.ip,
    exposedPorts: config.exposedPorts.map((port) => {
      const [number, protocol = 'tcp'] = port.split('/', 2);
      return { hostIp: '', hostPort: 0, containerPort: Number.parseInt(number ?? '0', 10), protocol };
    }),
    health: '',
    sizeRw: usage?.writable ?? 0n,
    sizeRootFs: usage?.rootFs ?? 0n,
  } satisfies ContainerSummary;
}

/** As the user named it; docker shows an id short. */
function shownImage({ spec, imageRef, imageId }: ContainerRecord): string {
  if (imageRef === imageId || spec.image.startsWith('sha256:')) return imageId.replace('sha256:', '').slice(0, 12);
  return spec.image === '' ? familiar(imageRef) : spec.image;
}

function invalid(message: string, hint?: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input', ...(hint === undefined ? {} : { hint }) });
}
