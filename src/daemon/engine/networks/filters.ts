/** docker's filters of `network ls` and `network prune` (moby, daemon/network/filter.go). */
import { Code, K3cError } from '../../../api/errors.ts';
import { parseUntil } from '../filter-times.ts';
import { hasLabel } from '../labels.ts';

export interface FilteredNetwork {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Nanoseconds since the epoch. */
  readonly createdAt: bigint;
  readonly predefined: boolean;
  /** Whether a running container is on it. */
  readonly used: boolean;
}

type Filters = Readonly<Record<string, readonly string[]>>;
type Test = (network: FilteredNetwork) => boolean;

/** Values of one filter are alternatives, but for labels. Throws INVALID_ARGUMENT for a filter that docker refuses. */
export function networkMatcher(filters: Filters): Test {
  const tests = Object.entries(filters).map(([name, values]) => listTest(name, values));
  return (network) => tests.every((test) => test(network));
}

export function pruneMatcher(filters: Filters): Test {
  const tests = Object.entries(filters).map(([name, values]): Test => {
    if (name !== 'until') return labelTest(name, values);
    const [value = ''] = values;
    const until = parseUntil(value);
    return ({ createdAt }) => createdAt < until;
  });
  return (network) => tests.every((test) => test(network));
}

function listTest(name: string, values: readonly string[]): Test {
  switch (name) {
    case 'driver':
      return ({ driver }) => values.includes(driver);
    case 'id':
      return ({ id }) => values.some((value) => id.startsWith(value));
    case 'name':
      return (network) => values.some((value) => network.name.includes(value));
    case 'scope':
      return () => values.includes('local');
    case 'type': {
      const wrong = values.find((value) => value !== 'builtin' && value !== 'custom');
      if (wrong !== undefined) throw invalid(`type=${wrong}`);
      return ({ predefined }) => values.includes(predefined ? 'builtin' : 'custom');
    }
    case 'dangling': {
      const [value = ''] = values;
      if (values.length !== 1 || !['0', '1', 'true', 'false'].includes(value))
        throw invalid(`dangling=[${values.join(' ')}]`);
      const wanted = value === '1' || value === 'true';
      return ({ predefined, used }) => (!predefined && !used) === wanted;
    }
    default:
      return labelTest(name, values);
  }
}

function labelTest(name: string, values: readonly string[]): Test {
  if (name === 'label') return ({ labels }) => values.every((value) => hasLabel(labels, value));
  if (name === 'label!') return ({ labels }) => !values.some((value) => hasLabel(labels, value));
  throw invalid(name);
}

function invalid(what: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, `invalid filter '${what}'`, { reason: 'bad-input' });
}
