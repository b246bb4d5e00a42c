/** What is stored of a container's configuration, as JSON. Plain values only, so that a row reads back as it was written. */

export type NetworkMode = 'default' | 'host' | 'none';

export interface PortSpec {
  /** Empty: every address. */
  readonly hostIp: string;
  /** 0 in a request: the daemon picks one. */
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
}

export interface MountSpec {
  readonly type: 'bind' | 'volume' | 'tmpfs';
  /** Absolute path (bind), volume name (volume, empty: anonymous), mount options with commas (tmpfs). */
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** private, rprivate, slave, rslave, shared or rshared; empty: rprivate. */
  readonly propagation: string;
}

export interface RestartPolicySpec {
  readonly name: 'no' | 'always' | 'unless-stopped' | 'on-failure';
  /** Of on-failure; 0: no limit. */
  readonly maximumRetryCount: number;
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
  /** 0: no limit. */
  readonly memoryBytes: number;
  readonly nanoCpus: number;
  readonly stopSignal: string;
  /** Seconds; null: the default. */
  readonly stopTimeout: number | null;
  readonly privileged: boolean;
  readonly readOnly: boolean;
  readonly init: boolean;
  readonly consoleHeight: number;
  readonly consoleWidth: number;
  readonly annotations: Readonly<Record<string, string>>;
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
}
