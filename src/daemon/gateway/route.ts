/** Which of the daemons behind the socket serves a method, by the name of its service alone. */
import type { Metadata } from '../../api/rpc/types.ts';

export type Destination = 'k3c' | 'containerd' | 'buildkitd';

/**
 * BuildKit serves containerd's content service on its own socket too (its client copies build records from it). The
 * header that containerd's clients always send, and BuildKit's never, tells the two apart.
 */
const CONTENT = '/containerd.services.content.v1.Content/';
const NAMESPACE_HEADER = 'containerd-namespace';

/** Prefixes of method paths. The health service is containerd's: its clients ask for it, BuildKit's do not. */
const PREFIXES: readonly (readonly [prefix: string, destination: Destination])[] = [
  ['/k3c.v1.', 'k3c'],
  ['/runtime.v1.', 'containerd'],
  ['/containerd.', 'containerd'],
  ['/grpc.health.v1.Health/', 'containerd'],
  ['/moby.', 'buildkitd'],
  ['/opentelemetry.proto.collector.trace.v1.TraceService/', 'buildkitd'],
];

/** The daemon that serves a method path, or undefined for services that none of them has. */
export function route(path: string, hasHeader: (name: string) => boolean): Destination | undefined {
  if (path.startsWith(CONTENT) && !hasHeader(NAMESPACE_HEADER)) return 'buildkitd';
  return PREFIXES.find(([prefix]) => path.startsWith(prefix))?.[1];
}

/** The value of the first field with this name in node:http2's flat list; pseudo-headers count. */
export function field(rawHeaders: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) if (rawHeaders[i] === name) return rawHeaders[i + 1];
  return undefined;
}

/** Groups repeated fields as node:http2 wants them for trailers, each with its values in order. */
export function grouped(fields: Metadata): Record<string, string | string[]> {
  const groups = new Map<string, string[]>();
  for (const [name, value] of fields) {
    const values = groups.get(name);
    if (values === undefined) groups.set(name, [value]);
    else values.push(value);
  }
  // node:http2 refuses some names twice unless they come as one value.
  return Object.fromEntries(
    [...groups].map(([name, values]) => [name, values.length === 1 ? (values[0] ?? '') : values]),
  );
}
