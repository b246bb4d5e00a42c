/** Filters of requests as the engine takes them. */
import type { StringList } from '../../api/gen/k3c.ts';

export function toFilters(filters: Readonly<Record<string, StringList>>): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(filters).map(([name, list]) => [name, list.values]));
}
