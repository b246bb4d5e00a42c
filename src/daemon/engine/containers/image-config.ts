import type { ImageHealthcheck } from './health/check.ts';

/** The part of an OCI image configuration that a container is made from (image-spec, config.md). */
export interface ImageConfig {
  readonly User?: string | undefined;
  readonly ExposedPorts?: Readonly<Record<string, unknown>> | null | undefined;
  readonly Env?: readonly string[] | null | undefined;
  readonly Entrypoint?: readonly string[] | null | undefined;
  readonly Cmd?: readonly string[] | null | undefined;
  readonly Volumes?: Readonly<Record<string, unknown>> | null | undefined;
  readonly WorkingDir?: string | undefined;
  readonly Labels?: Readonly<Record<string, string>> | null | undefined;
  readonly StopSignal?: string | undefined;
  /** This and the next are docker's extensions, which BuildKit writes. */
  readonly Healthcheck?: ImageHealthcheck | null | undefined;
  readonly Shell?: readonly string[] | null | undefined;
}

export interface ResolvedImage {
  /** Digest of the configuration: sha256:… */
  readonly id: string;
  /** Normalised name; for an image found by id, the id. */
  readonly reference: string;
  readonly config: { readonly config?: ImageConfig | undefined };
  /** os/arch of an image that is not for this machine. */
  readonly foreign?: string | undefined;
  /** Key of the snapshot that the image is unpacked to; empty for an image without layers. */
  readonly chainId?: string | undefined;
  /** Chain ids of all its layers, bottom first. */
  readonly layers?: readonly string[] | undefined;
}
