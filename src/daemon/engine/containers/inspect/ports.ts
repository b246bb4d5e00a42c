/** docker's map of ports: `80/tcp` to what is bound to it, by name as Go writes a map. */
import type { PortSpec } from '../../../state/spec.ts';

export function portMap<T>(ports: readonly PortSpec[], binding: (port: PortSpec) => T): Record<string, T[]> {
  const map: Record<string, T[]> = {};
  for (const port of ports) {
    const key = `${port.containerPort}/${port.protocol}`;
    map[key] = [...(map[key] ?? []), binding(port)];
  }
  return byName(map);
}

/** The keys of `80/tcp` in Go's order, which is that of bytes. */
export function byName<T>(map: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
