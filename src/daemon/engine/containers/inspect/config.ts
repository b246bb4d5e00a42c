/** `Config` of docker's inspect document: what a container is whatever the host (moby, api/types/container, Config). */
import type { ContainerRecord } from '../../../state/containers.ts';
import { healthcheckDocument } from '../health/check.ts';
import { byName } from './ports.ts';

export function configOf(record: ContainerRecord): Record<string, unknown> {
  const { spec, config } = record;
  return {
    Hostname: config.hostname,
    Domainname: spec.network.domainname,
    User: config.user,
    AttachStdin: spec.stdinOnce,
    AttachStdout: false,
    AttachStderr: false,
    ...(config.exposedPorts.length > 0
      ? { ExposedPorts: byName(Object.fromEntries(config.exposedPorts.map((port) => [port, {}]))) }
      : {}),
    Tty: spec.tty,
    OpenStdin: spec.openStdin,
    StdinOnce: spec.stdinOnce,
    // The two that every container gets are shown where the user named them.
    Env: config.env.filter((entry) => !/^(HOSTNAME|TERM)=/.test(entry) || spec.env.includes(entry)),
    Cmd: config.command.length > 0 ? config.command : null,
    Image: spec.image,
    Volumes: anonymousVolumes(record),
    WorkingDir: config.workingDir === '/' && spec.workingDir === '' ? '' : config.workingDir,
    Entrypoint: config.entrypoint.length > 0 ? config.entrypoint : null,
    ...(spec.network.macAddress === '' ? {} : { MacAddress: spec.network.macAddress }),
    OnBuild: null,
    Labels: config.labels,
    ...(config.health === undefined ? {} : { Healthcheck: healthcheckDocument(config.health) }),
    ...(config.stopSignal === 'SIGTERM' ? {} : { StopSignal: config.stopSignal }),
    ...(spec.stopTimeout === null ? {} : { StopTimeout: spec.stopTimeout }),
    ...(config.shell === undefined ? {} : { Shell: config.shell }),
  };
}

function anonymousVolumes(record: ContainerRecord): Record<string, object> | null {
  const anonymous = record.config.mounts.filter((mount) => mount.anonymous);
  return anonymous.length > 0 ? Object.fromEntries(anonymous.map(({ target }) => [target, {}])) : null;
}
