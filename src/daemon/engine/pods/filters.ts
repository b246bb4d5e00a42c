/** podman's filters of `pod ls` and `pod prune`. Values of one filter are alternatives, those of label restrict each other, as filters do. */

import { checkWord, invalidFilter } from '../containers/filter-values.ts';
import type { Filters } from '../containers/filters.ts';
import { hasLabel } from '../labels.ts';
import type { ListedPod } from './types.ts';

/** VisiblePodState. */
const STATES = ['created', 'running', 'degraded', 'exited', 'stopped'];

type Test = (pod: ListedPod) => boolean;

/** Throws INVALID_ARGUMENT for a filter that is not known. */
export function podMatcher(filters: Filters): Test {
  const tests = Object.entries(filters).flatMap(([name, values]) =>
    values.length === 0 ? [] : [makeTest(name, values)],
  );
  return (pod) => tests.every((test) => test(pod));
}

function makeTest(name: string, values: readonly string[]): Test {
  switch (name) {
    case 'id':
      return ({ id }) => values.some((value) => id.startsWith(value));
    case 'name':
      return (pod) => values.some((value) => pod.name.includes(value));
    case 'label':
      return ({ labels }) => values.every((value) => hasLabel(labels, value));
    case 'label!':
      return ({ labels }) => !values.some((value) => hasLabel(labels, value));
    case 'status':
      for (const value of values) checkWord('status', value.toLowerCase(), 'state', STATES);
      return ({ state }) => values.some((value) => value.toLowerCase() === state);
    case 'network':
      return ({ networks }) => values.some((value) => networks.includes(value));
    case 'ctr-names':
      return ({ containers }) => containers.some((one) => values.some((value) => one.name.includes(value)));
    case 'ctr-ids':
      return ({ containers }) => containers.some(({ id }) => values.some((value) => id.startsWith(value)));
    default:
      throw invalidFilter(name);
  }
}
