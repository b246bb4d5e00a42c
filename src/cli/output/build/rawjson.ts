/** `--progress rawjson`: every status message as a line of JSON, with the field names of BuildKit's Go client (client/graph.go). */
import type { Writable } from 'node:stream';
import type { BuildStatus } from '../../../client/build/control.ts';
import type { Display } from './display.ts';

type Time = BuildStatus['vertexes'][number]['started'];

export class RawJsonDisplay implements Display {
  readonly #out: Writable;

  constructor(out: Writable) {
    this.#out = out;
  }

  update(status: BuildStatus): void {
    this.#out.write(`${JSON.stringify(toJson(status))}\n`);
  }

  done(): void {
    // Every message was written as it came.
  }
}

/** Empty fields are left out, as Go's omitempty does. */
function toJson(status: BuildStatus): unknown {
  return omitEmpty({
    vertexes: status.vertexes.map((vertex) =>
      omitEmpty({
        digest: vertex.digest,
        inputs: vertex.inputs,
        name: vertex.name,
        started: time(vertex.started),
        completed: time(vertex.completed),
        cached: vertex.cached,
        error: vertex.error,
        progressGroup: vertex.progressGroup === undefined ? undefined : omitEmpty({ ...vertex.progressGroup }),
      }),
    ),
    statuses: status.statuses.map(({ ID, vertex, name, total, current, timestamp, started, completed }) => ({
      id: ID,
      ...omitEmpty({ vertex, name, total: Number(total) }),
      current: Number(current),
      timestamp: time(timestamp),
      ...omitEmpty({ started: time(started), completed: time(completed) }),
    })),
    logs: status.logs.map(({ vertex, stream, msg, timestamp }) => ({
      ...omitEmpty({ vertex, stream: Number(stream) }),
      data: msg.toString('base64'),
      timestamp: time(timestamp),
    })),
    warnings: status.warnings.map(({ vertex, level, short, detail, url, info, ranges }) =>
      omitEmpty({
        vertex,
        level: Number(level),
        short: short.toString('base64'),
        detail: detail.map((line) => line.toString('base64')),
        url,
        sourceInfo:
          info === undefined
            ? undefined
            : omitEmpty({ filename: info.filename, data: info.data.toString('base64'), language: info.language }),
        range: ranges.map(({ start, end }) => omitEmpty({ start: position(start), end: position(end) })),
      }),
    ),
  });
}

function position(value: { readonly line: number; readonly character: number } | undefined): unknown {
  return value === undefined ? undefined : omitEmpty({ line: value.line, character: value.character });
}

/** RFC 3339 with nanoseconds, zeros at the end left out. */
function time(value: Time): string | undefined {
  if (value === undefined) return undefined;
  const whole = new Date(Number(value.seconds) * 1000).toISOString().slice(0, 19);
  const fraction = String(value.nanos).padStart(9, '0').replace(/0+$/, '');
  return `${whole}${fraction === '' ? '' : `.${fraction}`}Z`;
}

function omitEmpty(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) =>
        value !== undefined &&
        value !== '' &&
        value !== 0 &&
        value !== false &&
        !(Array.isArray(value) && value.length === 0),
    ),
  );
}
