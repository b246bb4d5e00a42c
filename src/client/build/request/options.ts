/** What a user asks of a build, with flags already parsed and nothing looked at yet. */
import type { Readable } from 'node:stream';
import type { DockerConfig, Environment } from '../../credentials/config.ts';
import type { RegistryCredentials } from '../../credentials/credentials.ts';
import type { SecretSource } from '../session/services.ts';
import type { SourcePreparer } from '../session/sources.ts';
import type { TypedAttributes } from '../solve.ts';

/** An output as `-o` names it. */
export interface OutputOption {
  readonly type: string;
  /** A path, `-` for standard output, or empty. */
  readonly destination: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** `--ssh ID[=SOCKET|KEY…]` */
export interface SshOption {
  readonly id: string;
  readonly paths: readonly string[];
}

/** Limits of every step that runs a program; what is absent, or zero, is not limited. */
export interface StepLimits {
  /** Bytes. */
  readonly memory?: bigint | undefined;
  /** Bytes of memory and swap together; -1 for as much as there is. */
  readonly memorySwap?: bigint | undefined;
  /** A relative weight. */
  readonly cpuShares?: bigint | undefined;
  /** Microseconds, both. */
  readonly cpuPeriod?: bigint | undefined;
  readonly cpuQuota?: bigint | undefined;
  /** `0-3`, `0,1` */
  readonly cpusetCpus?: string | undefined;
  readonly cpusetMems?: string | undefined;
}

export interface BuildOptions {
  /** A directory, a URL, or `-` for standard input. */
  readonly context: string;
  /** `-f`: a path, `-`, or undefined for the context's Dockerfile. */
  readonly dockerfile: string | undefined;
  /** Image names, in any form a user may write. */
  readonly tags: readonly string[];
  readonly buildArguments: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: readonly string[];
  readonly target: string | undefined;
  readonly noCache: boolean;
  readonly noCacheFilter: readonly string[];
  readonly pull: boolean;
  readonly push: boolean;
  readonly platforms: readonly string[];
  /** `default`, `host`, `none`. */
  readonly network: string | undefined;
  /** `host:ip` or `host=ip`. */
  readonly addHosts: readonly string[];
  /** `name=soft[:hard]` */
  readonly ulimits: readonly string[];
  /** Bytes. */
  readonly shmSize: bigint | undefined;
  readonly cgroupParent: string | undefined;
  readonly limits: StepLimits;
  /** By type (`provenance`, `sbom`): the attributes in CSV. */
  readonly attestations: ReadonlyMap<string, string>;
  readonly allow: readonly string[];
  readonly outputs: readonly OutputOption[];
  readonly cacheFrom: readonly TypedAttributes[];
  readonly cacheTo: readonly TypedAttributes[];
  readonly secrets: ReadonlyMap<string, SecretSource>;
  readonly ssh: readonly SshOption[];
  readonly namedContexts: ReadonlyMap<string, string>;
  /** `--call`: what to ask the frontend instead of building, as BuildKit names it (`lint`, `outline`, `targets`). */
  readonly call: string | undefined;
}

/** The client's side of a build: where paths start and streams come from. */
export interface BuildHost {
  readonly cwd: string;
  readonly env: Environment;
  /** What docker's configuration says; never rejects. */
  dockerConfig(): Promise<DockerConfig>;
  stdin(): Readable;
  readonly stdout: NodeJS.WritableStream;
  readonly stdoutIsTty: boolean;
  /** What the daemon has for a registry that the user has nothing for. */
  configuredCredentials?(registry: string): Promise<RegistryCredentials | undefined>;
  /**
   * What makes images ready that the builder cannot get by itself; undefined where there are none.
   * @param always images are pulled whether they are here or not
   */
  sourcePreparer?(always: boolean): Promise<SourcePreparer | undefined>;
}
