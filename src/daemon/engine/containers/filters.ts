/** docker's filters of `ps`. Values of one filter are alternatives, filters restrict each other. */
import { K3cError } from '../../../api/errors.ts';
import { familiar, normalize } from '../../../api/reference.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import { hasLabel } from '../labels.ts';
import { checkWord, invalidFilter, type PortTest, parseExitCode, parsePorts } from './filter-values.ts';
import { networkNames } from './network-mode.ts';
import { isUp, visibleState } from './summary.ts';

export type Filters = Readonly<Record<string, readonly string[]>>;

export interface ListOptions {
  readonly all: boolean;
  /** The last n created, whatever their state; 0: no limit. */
  readonly last: number;
  readonly filters: Filters;
}

/** What a filter asks of others. */
export interface FilterFacts {
  /** Resolves what before and since name. */
  readonly find: (reference: string) => ContainerRecord;
  /** none, starting, healthy or unhealthy. */
  readonly health: (record: ContainerRecord) => string;
  /** Whether it is in the pod that a value names; absent: there are no pods. */
  readonly inPod?: (record: ContainerRecord, value: string) => boolean;
  /** Whether a container's image is built on the one that `ancestor` names; absent: only its own name and id count. */
  readonly descends?: (record: ContainerRecord, ancestor: string) => boolean;
}

const STATES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];
const HEALTHS = ['none', 'starting', 'healthy', 'unhealthy'];

type Test = (record: ContainerRecord) => boolean;

/**
 * Chooses what `ps` shows. INVALID_ARGUMENT for a filter that docker refuses.
 * @param records newest first
 */
export function selectContainers(
  records: readonly ContainerRecord[],
  options: ListOptions,
  facts: FilterFacts,
): readonly ContainerRecord[] {
  const tests = Object.entries(options.filters).map(([name, values]) => makeTest(name, values, facts));
  tests.push(portTest(options.filters));
  const all = options.all || options.last > 0 || 'status' in options.filters;
  const chosen = records.filter((record) => (all || isUp(record)) && tests.every((test) => test(record)));
  return options.last > 0 ? chosen.slice(0, options.last) : chosen;
}

function makeTest(name: string, values: readonly string[], { find, health, descends, inPod }: FilterFacts): Test {
  const any = (test: (value: string) => Test): Test => {
    const tests = values.map(test);
    return (record) => tests.length === 0 || tests.some((matches) => matches(record));
  };
  switch (name) {
    case 'id':
      return any(
        (value) =>
          ({ id }) =>
            id.startsWith(value),
      );
    case 'name':
      return any((value) => {
        const pattern = nameMatcher(value);
        return (record) => pattern(record.name) || pattern(`/${record.name}`);
      });
    case 'label':
      return ({ config }) => values.every((value) => hasLabel(config.labels, value));
    case 'status':
      return any((value) => {
        checkWord('status', value, 'state', STATES);
        return (record) => visibleState(record) === value;
      });
    case 'health':
      return any((value) => {
        checkWord('health', value, 'health', HEALTHS);
        return (record) => health(record) === value;
      });
    case 'exited':
      return any((value) => {
        const code = parseExitCode(value);
        return (record) => record.startedAt !== 0n && !isUp(record) && record.exitCode === code;
      });
    case 'ancestor':
      return any((value) => (record) => isAncestor(record, value) || descends?.(record, value) === true);
    case 'volume':
      return any(
        (value) => (record) =>
          record.config.mounts.some(({ volume, source, target }) => [volume || source, target].includes(value)),
      );
    case 'before':
      return any((value) => {
        const { createdAt, id } = find(value);
        return (record) => record.createdAt < createdAt && record.id !== id;
      });
    case 'since':
      return any((value) => {
        const { createdAt, id } = find(value);
        return (record) => record.createdAt > createdAt && record.id !== id;
      });
    case 'pod':
      return any((value) => (record) => inPod?.(record, value) === true);
    case 'network':
      return any((value) => (record) => inNetwork(record, value));
    case 'is-task': {
      // There are no tasks of a swarm here: all of them are none.
      const wanted = new Set(values.map((value) => ['1', 'true'].includes(value)));
      if (wanted.size !== 1 || !values.every((value) => ['0', '1', 'true', 'false'].includes(value)))
        throw invalidFilter(`is-task=[${values.join(' ')}]`);
      return () => !wanted.has(true);
    }
    case 'publish':
    case 'expose':
      // Together: portTest.
      return () => true;
    default:
      throw invalidFilter(name);
  }
}

/** A container passes with a published or an exposed port that is asked for; one that does not run has none. */
function portTest({ publish = [], expose = [] }: Filters): Test {
  if (publish.length + expose.length === 0) return () => true;
  const some = (tests: readonly PortTest[], port: number, protocol: string) =>
    tests.some((matches) => matches(port, protocol));
  const published = publish.map((value) => parsePorts('publish', value));
  const exposed = expose.map((value) => parsePorts('expose', value));
  return (record) => {
    if (!['running', 'paused'].includes(visibleState(record))) return false;
    if (record.ports.some(({ hostPort, protocol }) => some(published, hostPort, protocol))) return true;
    return record.config.exposedPorts.some((port) => {
      const [number, protocol = 'tcp'] = port.split('/', 2);
      return some(exposed, Number(number), protocol);
    });
  };
}

/** By a network's name or id. */
function inNetwork(record: ContainerRecord, value: string): boolean {
  return networkNames(record).includes(value) || record.endpoints.some(({ network }) => network === value);
}

/** A regular expression; one that is none matches nothing but itself. */
function nameMatcher(value: string): (name: string) => boolean {
  try {
    const pattern = new RegExp(value);
    return (name) => pattern.test(name);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return (name) => name === value;
  }
}

/** By image id, a prefix of it, or any form of the name it was made from. */
function isAncestor(record: ContainerRecord, value: string): boolean {
  const hex = value.replace(/^sha256:/, '');
  if (/^[0-9a-f]{4,64}$/.test(hex) && record.imageId.startsWith(`sha256:${hex}`)) return true;
  if ([record.imageRef, record.spec.image].includes(value)) return true;
  try {
    return normalize(value) === record.imageRef || value === familiar(record.imageRef);
  } catch (error) {
    // No reference at all, or the container's image is known by its id only: then it is not that one.
    if (error instanceof K3cError) return false;
    throw error;
  }
}
