/** What `run` and `create` ask for, out of their message: what the message's types leave open is checked here. */
import { isIP } from 'node:net';
import type { PortRequest, ContainerSpec as SpecMessage } from '../../../api/gen/k3c.ts';
import type { ContainerSpec } from '../../engine/containers/types.ts';
import { toHealth } from './health.ts';
import { invalid } from './invalid.ts';
import { toIsolation } from './isolation.ts';
import { toLog } from './log.ts';
import { toMount } from './mount.ts';
import { toNetwork } from './network.ts';
import { toResources } from './resources.ts';
import { toRestart } from './restart.ts';
import { toSecurity } from './security.ts';

/** The others are names of networks, and container:NAME. */
const NETWORK_MODES: Readonly<Record<string, string>> = { '': 'default', bridge: 'default' };

/**
 * Checks a specification for what the message's types leave open. INVALID_ARGUMENT in docker's words.
 * @param stdinOnce whether the stdin of the process ends with that of the client that runs it
 */
export function toSpec(message: SpecMessage | undefined, stdinOnce: boolean): ContainerSpec {
  if (message === undefined) throw invalid('the request has no container specification');
  const networkMode = NETWORK_MODES[message.networkMode] ?? message.networkMode;
  if (networkMode === 'container:') throw invalid('Invalid network mode: invalid container format container:<name|id>');
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
    restart: toRestart(message.restart),
    autoRemove: message.autoRemove,
    resources: toResources(message.resources),
    stopSignal: message.stopSignal,
    stopTimeout: message.stopTimeout ?? null,
    privileged: message.privileged,
    readOnly: message.readOnly,
    init: message.init,
    consoleHeight: message.consoleHeight,
    consoleWidth: message.consoleWidth,
    annotations: message.annotations,
    security: toSecurity(message.security),
    isolation: toIsolation(message.isolation),
    network: toNetwork(message.network),
    health: toHealth(message.health),
    volumesFrom: message.volumesFrom,
    platform: message.platform,
    log: toLog(message.log),
    pod: message.pod,
  };
}

/** Throws INVALID_ARGUMENT in docker's words. */
export function toPort({
  hostIp,
  hostPort,
  hostPortEnd,
  containerPort,
  protocol,
}: PortRequest): ContainerSpec['ports'][number] {
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== '') throw invalid(`invalid proto: ${protocol}`);
  if (containerPort < 1 || containerPort > 65535) throw invalid(`invalid containerPort: ${containerPort}`);
  if (hostPort > 65535) throw invalid(`invalid hostPort: ${hostPort}`);
  if (hostPortEnd > 65535 || (hostPortEnd > 0 && hostPort === 0))
    throw invalid(`invalid hostPort: ${hostPort}-${hostPortEnd}`);
  if (hostIp !== '' && isIP(hostIp) === 0) throw invalid(`invalid IP address: ${hostIp}`);
  return {
    hostIp,
    hostPort,
    containerPort,
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    ...(hostPortEnd > hostPort ? { hostPortEnd } : {}),
  };
}
