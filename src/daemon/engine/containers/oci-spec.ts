/** The part of an OCI runtime configuration (runtime-spec, config.md) that is changed; everything else passes untouched. */

export interface OciMount {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
}

export interface OciNamespace {
  type: string;
  path?: string;
}

/** Limits and devices; what else CRI wrote there passes untouched. */
export interface OciResources {
  memory?: { limit?: number; reservation?: number; swap?: number; disableOOMKiller?: boolean };
  cpu?: { shares?: number; period?: number; quota?: number; cpus?: string; mems?: string };
  pids?: { limit: number };
  blockIO?: { weight: number };
  devices?: { allow: boolean; type?: string; major?: number; minor?: number; access?: string }[];
  [key: string]: unknown;
}

export interface OciSpec {
  hostname?: string;
  annotations?: Record<string, string>;
  process: {
    args: string[];
    env?: string[];
    cwd: string;
    user: { uid: number; gid: number; additionalGids?: number[] };
    terminal?: boolean;
    consoleSize?: { height: number; width: number };
    oomScoreAdj?: number;
    capabilities?: { bounding?: string[]; effective?: string[]; permitted?: string[]; ambient?: string[] };
    /** Limits are whole numbers of 64 bits. */
    rlimits?: { type: string; soft: unknown; hard: unknown }[];
    [key: string]: unknown;
  };
  mounts: OciMount[];
  linux: {
    namespaces?: OciNamespace[];
    sysctl?: Record<string, string>;
    resources?: OciResources;
    seccomp?: Readonly<Record<string, unknown>>;
    [key: string]: unknown;
  };
  [key: string]: unknown;
}
