/** The PORTS column of `ps`: `0.0.0.0:8080->80/tcp, 9000-9002/tcp`, ranges drawn together as docker does. */
import type { PortRequest } from '../../api/gen/k3c.ts';

interface Range {
  first: number;
  last: number;
}

/**
 * Renders published ports, and exposed ones that are not published. An unset host address is every IPv4 address; one of IPv6 has no
 * brackets, as in docker 20.10.
 */
export function displayPorts(published: readonly PortRequest[], exposed: readonly PortRequest[]): string {
  if (published.length + exposed.length === 0) return '';
  const ports = [
    ...published.map((port) => ({ ...port, hostIp: port.hostIp || '0.0.0.0' })),
    ...exposed
      .filter((port) => !published.some((other) => sameTarget(port, other)))
      .map((port) => ({ ...port, hostIp: '', hostPort: 0 })),
  ].toSorted(
    (a, b) =>
      a.containerPort - b.containerPort ||
      compare(a.hostIp, b.hostIp) ||
      a.hostPort - b.hostPort ||
      compare(a.protocol, b.protocol),
  );
  const open = new Map<string, Range>();
  const parts: string[] = [];
  const moved: string[] = [];
  for (const { hostIp, hostPort, containerPort, protocol } of ports) {
    if (hostIp !== '' && hostPort !== containerPort) {
      moved.push(`${hostIp}:${hostPort}->${containerPort}/${protocol}`);
      continue;
    }
    const key = hostIp === '' ? protocol : `${hostIp}/${protocol}`;
    const range = open.get(key);
    if (range !== undefined && containerPort === range.last + 1) {
      range.last = containerPort;
      continue;
    }
    if (range !== undefined) parts.push(rangeText(key, range));
    open.set(key, { first: containerPort, last: containerPort });
  }
  for (const [key, range] of open) parts.push(rangeText(key, range));
  return [...parts, ...moved].join(', ');
}

function sameTarget(a: PortRequest, b: PortRequest): boolean {
  return a.containerPort === b.containerPort && a.protocol === b.protocol;
}

function rangeText(key: string, { first, last }: Range): string {
  const slash = key.lastIndexOf('/');
  const ip = slash < 0 ? '' : key.slice(0, slash);
  const ports = first === last ? String(first) : `${first}-${last}`;
  return `${ip === '' ? '' : `${ip}:${ports}->`}${ports}/${key.slice(slash + 1)}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
