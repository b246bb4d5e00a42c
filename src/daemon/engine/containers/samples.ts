/** Records for the tests of this room. */
import type { ContainerRecord } from '../../state/containers.ts';
import { type ContainerSpec, NO_ISOLATION, NO_NETWORK, NO_RESOURCES, NO_SECURITY } from '../../state/spec.ts';
import type { OciSpec } from './oci-spec.ts';

export function sampleSpec(over: Partial<ContainerSpec> = {}): ContainerSpec {
  return {
    image: 'busybox',
    entrypoint: null,
    command: [],
    env: [],
    workingDir: '',
    user: '',
    hostname: '',
    tty: false,
    openStdin: false,
    stdinOnce: false,
    labels: {},
    ports: [],
    mounts: [],
    networkMode: 'default',
    restart: { name: 'no', maximumRetryCount: 0 },
    autoRemove: false,
    resources: NO_RESOURCES,
    stopSignal: '',
    stopTimeout: null,
    privileged: false,
    readOnly: false,
    init: false,
    consoleHeight: 0,
    consoleWidth: 0,
    annotations: {},
    security: NO_SECURITY,
    isolation: NO_ISOLATION,
    network: NO_NETWORK,
    health: null,
    volumesFrom: [],
    platform: '',
    log: { driver: '', options: {} },
    pod: '',
    ...over,
  };
}

export function sampleRecord(over: Partial<ContainerRecord> = {}): ContainerRecord {
  return {
    id: 'ab'.repeat(32),
    name: 'web',
    spec: sampleSpec(),
    config: {
      entrypoint: [],
      command: ['sh'],
      env: ['PATH=/bin'],
      workingDir: '/',
      user: '',
      hostname: 'abababababab',
      labels: {},
      exposedPorts: [],
      mounts: [],
      stopSignal: 'SIGTERM',
    },
    imageId: `sha256:${'1'.repeat(64)}`,
    imageRef: 'docker.io/library/busybox:latest',
    createdAt: 1000n,
    logPath: '/logs/container.log',
    state: 'exited',
    attempt: 0,
    sandboxId: 's0',
    criId: 'c0',
    pid: 0,
    startedAt: 2000n,
    finishedAt: 3000n,
    exitCode: 0,
    oomKilled: false,
    error: '',
    restartCount: 0,
    restartDelayMs: 0,
    manualStop: false,
    restartAsked: null,
    ports: [],
    ip: '',
    endpoints: [],
    ...over,
  };
}

/** An OCI specification in which nothing is limited. */
export function sampleOciSpec(): OciSpec {
  return { process: { args: ['sh'], cwd: '/', user: { uid: 0, gid: 0 } }, mounts: [], linux: {} };
}
