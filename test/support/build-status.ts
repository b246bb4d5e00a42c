/** Status messages of a build as a test writes them: times in milliseconds after an epoch of its own. */
import { StatusResponse } from '../../src/api/gen/github.com/moby/buildkit/api/services/control/control.ts';

/** 2026-01-02T03:04:05Z */
export const EPOCH = 1_767_323_045_000;

export interface VertexSpec {
  readonly digest: string;
  readonly name?: string;
  readonly started?: number;
  readonly completed?: number;
  readonly cached?: boolean;
  readonly error?: string;
  readonly group?: { readonly id: string; readonly name: string; readonly weak?: boolean };
}

export interface StatusSpec {
  readonly vertexes?: readonly VertexSpec[];
  readonly logs?: readonly { readonly vertex: string; readonly at: number; readonly text: string | Uint8Array }[];
  readonly statuses?: readonly {
    readonly vertex: string;
    readonly id: string;
    readonly current?: number;
    readonly total?: number;
    readonly at: number;
    readonly started?: number;
    readonly completed?: number;
  }[];
  readonly warnings?: readonly {
    readonly vertex: string;
    readonly short: string;
    readonly url?: string;
    readonly file?: string;
    readonly line?: number;
  }[];
}

function time(milliseconds: number | undefined): { seconds: bigint; nanos: number } | undefined {
  if (milliseconds === undefined) return undefined;
  const at = EPOCH + milliseconds;
  return { seconds: BigInt(Math.floor(at / 1000)), nanos: (at % 1000) * 1_000_000 };
}

/** The message itself. */
export function statusOf(spec: StatusSpec): StatusResponse {
  return StatusResponse.fromPartial({
    vertexes: (spec.vertexes ?? []).map(({ digest, name = digest, started, completed, cached, error, group }) => ({
      digest,
      name,
      started: time(started),
      completed: time(completed),
      cached: cached ?? false,
      error: error ?? '',
      progressGroup: group === undefined ? undefined : { id: group.id, name: group.name, weak: group.weak ?? false },
    })),
    logs: (spec.logs ?? []).map(({ vertex, at, text }) => ({
      vertex,
      timestamp: time(at),
      stream: 1n,
      msg: Buffer.from(text),
    })),
    statuses: (spec.statuses ?? []).map(({ vertex, id, current, total, at, started, completed }) => ({
      vertex,
      ID: id,
      current: BigInt(current ?? 0),
      total: BigInt(total ?? 0),
      timestamp: time(at),
      started: time(started),
      completed: time(completed),
    })),
    warnings: (spec.warnings ?? []).map(({ vertex, short, url, file, line }) => ({
      vertex,
      level: 1n,
      short: Buffer.from(short),
      url: url ?? '',
      info:
        file === undefined ? undefined : { filename: 'Dockerfile', data: Buffer.from(file), language: 'Dockerfile' },
      ranges: line === undefined ? [] : [{ start: { line, character: 0 }, end: { line, character: 0 } }],
    })),
  });
}
