/** Build failures as BuildKit reports them: the status, and details in JSON behind their type names. */
import { type Code, K3cError, type K3cErrorOptions } from '../../api/errors.ts';
import { Status } from '../../api/gen/google/rpc/status.ts';
import type { Metadata } from '../../api/rpc/types.ts';
import { hintFor } from './hints.ts';

export interface LineRange {
  /** From 1. */
  readonly start: number;
  readonly end: number;
}

/** A piece of a Dockerfile that an error or a warning is about. */
export interface SourceExcerpt {
  readonly filename: string;
  readonly text: string;
  readonly ranges: readonly LineRange[];
}

export class BuildError extends K3cError {
  readonly sources: readonly SourceExcerpt[];
  /** The digest of the step that failed. */
  readonly vertex: string | undefined;

  constructor(
    code: Code,
    message: string,
    sources: readonly SourceExcerpt[],
    vertex: string | undefined,
    options?: K3cErrorOptions,
  ) {
    super(code, message, options);
    this.sources = sources;
    this.vertex = vertex;
  }
}

/** Adds what the trailers' `grpc-status-details-bin` says; the error itself when they say nothing. */
export function fromStatusDetails(error: K3cError, trailers: Metadata): K3cError {
  const encoded = trailers.find(([name]) => name === 'grpc-status-details-bin')?.[1];
  if (encoded === undefined) return error;
  return fromStatus(error, Status.decode(Buffer.from(encoded, 'base64')));
}

/** The error of a google.rpc.Status with BuildKit's details. */
export function fromStatus(error: K3cError, status: Status): BuildError {
  const sources: SourceExcerpt[] = [];
  let vertex: string | undefined;
  for (const { typeUrl, value } of status.details) {
    // The type's name comes last; what stands before it differs between versions.
    const type = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
    if (type === 'errdefs.Source+json') sources.push(...sourceOf(value));
    else if (type === 'errdefs.Vertex+json') vertex = (parse(value) as { digest?: string } | undefined)?.digest;
  }
  const message = status.message || error.message;
  const hint = hintFor(message);
  return new BuildError(error.code, message, sources, vertex, { cause: error, ...(hint !== undefined && { hint }) });
}

/** A place in a file as BuildKit writes it in JSON; the data is base64. */
export interface SourceJson {
  readonly info?: { readonly filename?: string; readonly data?: string } | undefined;
  readonly ranges?:
    | readonly { readonly start?: { readonly line?: number }; readonly end?: { readonly line?: number } }[]
    | undefined;
}

function sourceOf(value: Uint8Array): SourceExcerpt[] {
  return toSource(parse(value) as SourceJson | undefined);
}

/** The place; nothing where no file is named. */
export function toSource(source: SourceJson | undefined): SourceExcerpt[] {
  if (source?.info === undefined) return [];
  return [
    {
      filename: source.info.filename ?? '',
      text: Buffer.from(source.info.data ?? '', 'base64').toString('utf8'),
      ranges: toRanges(source.ranges ?? []),
    },
  ];
}

/** Line ranges as BuildKit means them: an end before its start means one line. */
export function toRanges(
  ranges: readonly {
    readonly start?: { readonly line?: number } | undefined;
    readonly end?: { readonly line?: number } | undefined;
  }[],
): LineRange[] {
  return ranges.map(({ start, end }) => {
    const first = start?.line ?? 0;
    return { start: first, end: Math.max(first, end?.line ?? 0) };
  });
}

function parse(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString('utf8'));
  } catch {
    // A detail we cannot read only costs us the excerpt; the message is there without it.
    return undefined;
  }
}

const CANCELED = 'context canceled';

/** Whether a step ended because another one failed or the user gave up. */
export function isCanceled(vertexError: string): boolean {
  return vertexError.endsWith(CANCELED);
}

/** The first step error that is a cause and not a consequence. */
export function failedVertex(errors: ReadonlyMap<string, string>): string | undefined {
  return [...errors.values()].find((error) => !isCanceled(error));
}
