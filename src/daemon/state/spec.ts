/** What is stored of a container's configuration, as JSON. Plain values only, so that a row reads back as it was written. */

/** default, host, none, container:ID, or the name of a network. */
export type NetworkMode = string;

export interface PortSpec {
  /** Empty: every address. */
  readonly hostIp: string;
  /** 0 in a request: the daemon picks one. */
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
  /** Of a request, above hostPort: any free port from there to here. */
  readonly hostPortEnd?: number | undefined;
  /** Of a published one without an address: the host had none of IPv6. */
  readonly ipv4Only?: boolean | undefined;
}

/** A container's place on a network that users made. */
export interface EndpointSpec {
  /** Id of the network; it may be gone. */
  readonly network: string;
  readonly networkName: string;
  /** What was asked for; empty: whatever is free. */
  readonly askedIp: string;
  readonly askedMac: string;
  readonly aliases: readonly string[];
  /** Absent or empty: whatever is free, where the network has IPv6. */
  readonly askedIp6?: string | undefined;
  /** Of the newest attempt; empty before the first. */
  readonly ip: string;
  /** Absent or empty: the network has no IPv6. */
  readonly ip6?: string | undefined;
  readonly mac: string;
  /** In the container: eth0. */
  readonly interface: string;
}

export interface MountSpec {
  readonly type: 'bind' | 'volume' | 'tmpfs';
  /** Absolute path (bind), volume name (volume, empty: anonymous), options of mount(8) with commas (tmpfs). */
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** private, rprivate, slave, rslave, shared or rshared; empty: rprivate. */
  readonly propagation: string;
  /** A bind whose source is never made (--mount): looked for at every start. */
  readonly mustExist?: boolean | undefined;
  /** A volume that is not filled from the image. */
  readonly noCopy?: boolean | undefined;
  /** For SELinux, where the host has it. */
  readonly relabel?: boolean | undefined;
  /** Of a volume that is made for it: the driver's options. */
  readonly volumeOptions?: Readonly<Record<string, string>> | undefined;
  readonly volumeLabels?: Readonly<Record<string, string>> | undefined;
  /** Of a volume: a relative path in it that is mounted instead of all of it. */
  readonly subpath?: string | undefined;
  /** Of a bind: what becomes of mounts below its source. Absent: mounted, too, and writable. */
  readonly recursive?: 'disabled' | 'readonly' | undefined;
}

export interface RestartPolicySpec {
  readonly name: 'no' | 'always' | 'unless-stopped' | 'on-failure';
  /** Of on-failure; 0: no limit. */
  readonly maximumRetryCount: number;
}

/** docker's limits. 0 and empty: not asked for. */
export interface ResourceSpec {
  readonly memoryBytes: number;
  readonly nanoCpus: number;
  /** Memory and swap together; -1: no limit. */
  readonly memorySwapBytes: number;
  readonly memoryReservationBytes: number;
  readonly cpuShares: number;
  /** Microseconds. */
  readonly cpuPeriod: number;
  readonly cpuQuota: number;
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
  /** null: not asked for; -1: no limit. */
  readonly pidsLimit: number | null;
  readonly blkioWeight: number;
  readonly oomKillDisable: boolean | null;
  /** Of /dev/shm; 0: 64 MiB. */
  readonly shmSizeBytes: number;
  readonly ulimits: readonly UlimitSpec[];
  readonly oomScoreAdj: number;
}

export interface UlimitSpec {
  /** nofile, nproc … without RLIMIT_. */
  readonly name: string;
  /** -1: no limit. */
  readonly soft: number;
  readonly hard: number;
}

export interface SecuritySpec {
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  /** docker's --security-opt, the text of a seccomp profile in the place of its file. */
  readonly securityOpt: readonly string[];
  readonly devices: readonly DeviceSpec[];
  readonly deviceCgroupRules: readonly string[];
  readonly cdiDevices: readonly string[];
  readonly groupAdd: readonly string[];
  /** Empty: runc. */
  readonly runtime: string;
}

export interface DeviceSpec {
  readonly hostPath: string;
  readonly containerPath: string;
  /** Of r, w and m. */
  readonly permissions: string;
}

/** Whose namespaces a container shares; empty: its own. */
export interface IsolationSpec {
  readonly pidMode: string;
  readonly ipcMode: string;
  readonly utsMode: string;
  readonly usernsMode: string;
  readonly cgroupnsMode: string;
  readonly cgroupParent: string;
  readonly sysctls: Readonly<Record<string, string>>;
}

export interface NetworkSpec {
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** NAME:ADDRESS, with host-gateway as an address. */
  readonly extraHosts: readonly string[];
  readonly macAddress: string;
  readonly ip: string;
  readonly aliases: readonly string[];
  /** Every exposed port gets a host port. */
  readonly publishAll: boolean;
  /** PORT/PROTO. */
  readonly exposedPorts: readonly string[];
  readonly domainname: string;
  /** Of the first network; absent or empty: whatever is free. */
  readonly ip6?: string | undefined;
  /** Networks besides the mode's, as asked for; absent: none. */
  readonly moreNetworks?: readonly EndpointRequestSpec[] | undefined;
  /** `network disconnect` took it off the default network, which its mode still names. */
  readonly leftDefault?: boolean | undefined;
}

/** What is asked of one more network. Empty: whatever is free. */
export interface EndpointRequestSpec {
  /** Name or id, as the user gave it. */
  readonly network: string;
  readonly ip: string;
  readonly ip6: string;
  readonly aliases: readonly string[];
  readonly macAddress: string;
}

/** docker's HealthConfig. Durations in nanoseconds, 0: the image's or the default. */
export interface HealthSpec {
  /** NONE, CMD and arguments, or CMD-SHELL and a line; empty: the image's. */
  readonly test: readonly string[];
  readonly interval: number;
  readonly timeout: number;
  readonly startPeriod: number;
  readonly startInterval: number;
  readonly retries: number;
}

/** docker's --log-driver (empty: the default) and --log-opt. */
export interface LogSpec {
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
}

/** What the user asked for. Absent strings are empty, an absent entrypoint is null. */
export interface ContainerSpec {
  readonly image: string;
  readonly entrypoint: readonly string[] | null;
  readonly command: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly hostname: string;
  readonly tty: boolean;
  readonly openStdin: boolean;
  /** The client that runs it feeds its stdin: when that client goes, stdin ends. */
  readonly stdinOnce: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly PortSpec[];
  readonly mounts: readonly MountSpec[];
  readonly networkMode: NetworkMode;
  readonly restart: RestartPolicySpec;
  readonly autoRemove: boolean;
  readonly resources: ResourceSpec;
  readonly stopSignal: string;
  /** Seconds; null: the default. */
  readonly stopTimeout: number | null;
  readonly privileged: boolean;
  readonly readOnly: boolean;
  readonly init: boolean;
  readonly consoleHeight: number;
  readonly consoleWidth: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly security: SecuritySpec;
  readonly isolation: IsolationSpec;
  readonly network: NetworkSpec;
  /** null: nothing said, the image's check counts. */
  readonly health: HealthSpec | null;
  /** CONTAINER[:ro|:rw]. */
  readonly volumesFrom: readonly string[];
  /** os/arch[/variant]; empty: the host's. */
  readonly platform: string;
  readonly log: LogSpec;
  /** Name or id of the pod in a request, its id in a record; empty: a pod of its own. */
  readonly pod: string;
}

/** What the user asked for of a pod. */
export interface PodSpec {
  /** In a request empty: the pod's name, or the host's on its network. Decided in a record. */
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly PortSpec[];
  /** default, host, none or the name of a network. */
  readonly networkMode: NetworkMode;
  readonly network: NetworkSpec;
  readonly sysctls: Readonly<Record<string, string>>;
  /** Whether its containers see each other's processes. */
  readonly sharePid: boolean;
  /** Empty: where containers have theirs. */
  readonly cgroupParent: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** Of the /dev/shm that its containers share; 0: 64 MiB. */
  readonly shmSizeBytes: number;
}

/** A mount with its source decided. */
export interface ResolvedMount extends MountSpec {
  /** Volume name; empty for bind and tmpfs. */
  readonly volume: string;
  /** The volume was made for this container alone. */
  readonly anonymous: boolean;
}

/** The specification merged with the image's configuration, once, when the container was created. */
export interface ResolvedConfig {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  /** PORT/PROTO as the image and -p name them, sorted. */
  readonly exposedPorts: readonly string[];
  readonly mounts: readonly ResolvedMount[];
  readonly stopSignal: string;
  /** Absent: neither the user nor the image says anything of a health check. */
  readonly health?: HealthSpec;
  /** The image's SHELL; absent: /bin/sh -c. */
  readonly shell?: readonly string[];
}

/** Nothing asked for. */
export const NO_RESOURCES: ResourceSpec = {
  memoryBytes: 0,
  nanoCpus: 0,
  memorySwapBytes: 0,
  memoryReservationBytes: 0,
  cpuShares: 0,
  cpuPeriod: 0,
  cpuQuota: 0,
  cpusetCpus: '',
  cpusetMems: '',
  pidsLimit: null,
  blkioWeight: 0,
  oomKillDisable: null,
  shmSizeBytes: 0,
  ulimits: [],
  oomScoreAdj: 0,
};

export const NO_SECURITY: SecuritySpec = {
  capAdd: [],
  capDrop: [],
  securityOpt: [],
  devices: [],
  deviceCgroupRules: [],
  cdiDevices: [],
  groupAdd: [],
  runtime: '',
};

export const NO_ISOLATION: IsolationSpec = {
  pidMode: '',
  ipcMode: '',
  utsMode: '',
  usernsMode: '',
  cgroupnsMode: '',
  cgroupParent: '',
  sysctls: {},
};

export const NO_NETWORK: NetworkSpec = {
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
  extraHosts: [],
  macAddress: '',
  ip: '',
  aliases: [],
  publishAll: false,
  exposedPorts: [],
  domainname: '',
};

/** What a row of an older daemon leaves out, as that daemon meant it. */
export function completeSpec(
  stored: Partial<ContainerSpec> & { memoryBytes?: number; nanoCpus?: number },
): ContainerSpec {
  const { memoryBytes = 0, nanoCpus = 0, ...rest } = stored;
  return {
    ...(rest as ContainerSpec),
    // As much swap again as memory.
    resources: { ...NO_RESOURCES, memoryBytes, nanoCpus, memorySwapBytes: memoryBytes * 2, ...stored.resources },
    security: { ...NO_SECURITY, ...stored.security },
    isolation: { ...NO_ISOLATION, ...stored.isolation },
    network: { ...NO_NETWORK, ...stored.network },
    health: stored.health ?? null,
    volumesFrom: stored.volumesFrom ?? [],
    platform: stored.platform ?? '',
    log: stored.log ?? { driver: '', options: {} },
    pod: stored.pod ?? '',
  };
}
