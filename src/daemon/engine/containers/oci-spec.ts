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

export interface OciSpec {
  hostname?: string;
  process: {
    args: string[];
    env?: string[];
    cwd: string;
    user: { uid: number; gid: number; additionalGids?: number[] };
    terminal?: boolean;
    consoleSize?: { height: number; width: number };
    [key: string]: unknown;
  };
  mounts: OciMount[];
  linux: {
    namespaces?: OciNamespace[];
    sysctl?: Record<string, string>;
    [key: string]: unknown;
  };
  [key: string]: unknown;
}
