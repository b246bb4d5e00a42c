/** Which of the daemons behind the socket serves a method, by the name of its service alone. */
import type { Metadata } from '../../api/rpc/types.ts';

export type Destination = 'k3c' | 'containerd' | 'buildkitd';

/** Those that have a socket of their own. */
export type RelayDestination = Exclude<Destination, 'k3c'>;

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

/**
 * Clients that may be relayed. One that calls a second daemon on the same connection is told to take another for it (GOAWAY),
 * and grpc-go does so without its caller's noticing, whatever its options. grpc-js does not where retries are switched off,
 * others never. Ours calls one daemon on a connection.
 */
const RELAYED = /(^| )grpc-go\/|^k3c$/;

/** Whether a client with this `user-agent` may get a whole connection to one daemon. */
export function mayBeRelayed(userAgent: string | undefined): boolean {
  return userAgent !== undefined && RELAYED.test(userAgent);
}

/** The daemon for a call by its header fields. */
export function routeFields(rawHeaders: readonly string[]): Destination | undefined {
  return route(field(rawHeaders, ':path') ?? '', (name) => field(rawHeaders, name) !== undefined);
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
