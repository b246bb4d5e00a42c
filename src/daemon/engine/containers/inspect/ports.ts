/** docker's map of ports: `80/tcp` to what is bound to it. */
import type { PortSpec } from '../../../state/spec.ts';

export function portMap<T>(ports: readonly PortSpec[], binding: (port: PortSpec) => T): Record<string, T[]> {
  const map: Record<string, T[]> = {};
  for (const port of ports) {
    const key = `${port.containerPort}/${port.protocol}`;
    map[key] = [...(map[key] ?? []), binding(port)];
  }
  return map;
}
