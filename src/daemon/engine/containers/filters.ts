/** docker's filters of `ps`. Values of one filter are alternatives, filters restrict each other. */
import { Code, K3cError } from '../../../api/errors.ts';
import { familiar, normalize } from '../../../api/reference.ts';
import type { ContainerRecord } from '../../state/containers.ts';
import { isUp, visibleState } from './summary.ts';

export type Filters = Readonly<Record<string, readonly string[]>>;

export interface ListOptions {
  readonly all: boolean;
  /** The last n created, whatever their state; 0: no limit. */
  readonly last: number;
  readonly filters: Filters;
}

const STATES = ['created', 'restarting', 'running', 'removing', 'paused', 'exited', 'dead'];
const HEALTH = ['none', 'starting', 'healthy', 'unhealthy'];

type Test = (record: ContainerRecord) => boolean;
type Find = (reference: string) => ContainerRecord;
type Health = (record: ContainerRecord) => string;

/**
 * Chooses what `ps` shows.
 * @param records newest first
 * @param find resolves what before and since name
 * @param health none, starting, healthy or unhealthy
 */
export function selectContainers(
  records: readonly ContainerRecord[],
  options: ListOptions,
  find: Find,
  health: Health = () => 'none',
): readonly ContainerRecord[] {
  const tests = Object.entries(options.filters).map(([name, values]) => makeTest(name, values, find, health));
  const all = options.all || options.last > 0 || 'status' in options.filters;
  const chosen = records.filter((record) => (all || isUp(record)) && tests.every((test) => test(record)));
  return options.last > 0 ? chosen.slice(0, options.last) : chosen;
}

function makeTest(name: string, values: readonly string[], find: Find, health: Health): Test {
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
      return (record) => values.every((value) => hasLabel(record, value));
    case 'status':
      for (const value of values) if (!STATES.includes(value)) throw invalid('status', value);
      return any((value) => (record) => visibleState(record) === value);
    case 'exited':
      return any((value) => {
        if (!/^-?\d+$/.test(value)) throw invalid('exited', value);
        return (record) => record.startedAt !== 0n && !isUp(record) && record.exitCode === Number(value);
      });
    case 'ancestor':
      return any((value) => (record) => isAncestor(record, value));
    case 'volume':
      return any(
        (value) => (record) =>
          record.config.mounts.some(({ volume, source, target }) => [volume, source, target].includes(value)),
      );
    case 'publish':
      return any((value) => {
        const wanted = ports('publish', value);
        return (record) =>
          record.ports.some(
            (port) => wanted(port.containerPort, port.protocol) || wanted(port.hostPort, port.protocol),
          );
      });
    case 'expose':
      return any((value) => {
        const wanted = ports('expose', value);
        return (record) =>
          record.config.exposedPorts.some((port) => {
            const [number, protocol] = port.split('/', 2);
            return wanted(Number(number), protocol ?? 'tcp');
          });
      });
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
    case 'network':
      return any((value) => (record) => [record.spec.networkMode, networkName(record)].includes(value));
    case 'health':
      for (const value of values)
        if (!HEALTH.includes(value)) throw bad(`Unrecognised filter value for health: ${value}`);
      return any((value) => (record) => health(record) === value);
    case 'is-task':
      return any((value) => () => value === 'false' || value === '0');
    default:
      throw bad(`invalid filter '${name}'`);
  }
}

/** docker's name of the network a container is on. */
export function networkName(record: ContainerRecord): string {
  return record.spec.networkMode === 'default' ? 'bridge' : record.spec.networkMode;
}

/** docker takes a regular expression, and a plain text where it is none. */
function nameMatcher(value: string): (name: string) => boolean {
  try {
    const pattern = new RegExp(value);
    return (name) => pattern.test(name);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return (name) => name.includes(value);
  }
}

function hasLabel({ config }: ContainerRecord, value: string): boolean {
  const equals = value.indexOf('=');
  if (equals === -1) return Object.hasOwn(config.labels, value);
  const key = value.slice(0, equals);
  return Object.hasOwn(config.labels, key) && config.labels[key] === value.slice(equals + 1);
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

/** PORT, FIRST-LAST, each with an optional /PROTO. */
function ports(filter: string, value: string): (port: number, protocol: string) => boolean {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/.exec(value);
  if (match === null) throw invalid(filter, value);
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  const wanted = match[3] ?? 'tcp';
  return (port, protocol) => port >= first && port <= last && protocol === wanted;
}

function invalid(filter: string, value: string): K3cError {
  return bad(`invalid filter '${filter}=${value}'`);
}

function bad(message: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input' });
}
