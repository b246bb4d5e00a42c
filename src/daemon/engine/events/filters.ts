/** docker's filters of events (moby, daemon/events/filter.go). Values of one filter are alternatives, filters restrict each other. */
import { Code, K3cError } from '../../../api/errors.ts';
import { familiarRepository, parseReference } from '../../../api/reference.ts';
import type { EventRecord } from '../../state/events.ts';

type Match = (event: EventRecord) => boolean;

/** Actions with more behind a colon: the word alone means all of them. */
const OPEN_ACTIONS = ['health_status', 'exec_create', 'exec_start'];

/** Throws INVALID_ARGUMENT for a filter that is not known. */
export function eventMatcher(filters: Readonly<Record<string, readonly string[]>>): Match {
  const tests = Object.entries(filters).flatMap(([name, values]) =>
    values.length === 0 ? [] : [makeTest(name, values)],
  );
  return (event) => tests.every((test) => test(event));
}

function makeTest(name: string, values: readonly string[]): Match {
  switch (name) {
    case 'event': {
      const open = values.some((value) => OPEN_ACTIONS.includes(value));
      return ({ action }) => values.some((value) => (open ? action.startsWith(value) : action === value));
    }
    case 'type':
      return ({ type }) => values.includes(type);
    case 'scope':
      return () => values.includes('local');
    case 'label':
      return ({ attributes }) => values.every((value) => hasLabel(attributes, value));
    case 'pod':
      return (event) => values.some((value) => isOfPod(event, value));
    case 'container':
    case 'volume':
    case 'network':
    case 'daemon':
      return ({ type, actor, attributes }) =>
        type === name && values.some((value) => actor.startsWith(value) || attributes['name']?.startsWith(value));
    case 'image':
      return (event) => imageNames(event).some((image) => values.includes(image));
    default:
      throw new K3cError(Code.INVALID_ARGUMENT, `invalid filter '${name}'`, {
        reason: 'bad-input',
        hint: 'events know container, event, image, label, network, pod, scope, type and volume',
      });
  }
}

/** Of the pod itself or of one of its containers. */
function isOfPod({ type, actor, attributes }: EventRecord, value: string): boolean {
  if (type === 'pod') return actor.startsWith(value) || attributes['name']?.startsWith(value) === true;
  const { podId } = attributes;
  return (
    type === 'container' &&
    podId !== undefined &&
    (podId.startsWith(value) || attributes['pod']?.startsWith(value) === true)
  );
}

/** What an event's image is called: its id and names, and the containers' image; each with and without its tag. */
function imageNames({ type, actor, attributes }: EventRecord): string[] {
  const name = attributes[type === 'image' ? 'name' : 'image'];
  const names = [...(type === 'image' ? [actor] : []), ...(name === undefined ? [] : [name])];
  return names.flatMap((each) => [each, withoutTag(each)]);
}

function withoutTag(image: string): string {
  try {
    return familiarRepository(parseReference(image));
  } catch (error) {
    // An id.
    if (error instanceof K3cError) return image;
    throw error;
  }
}

function hasLabel(attributes: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf('=');
  if (equals === -1) return Object.hasOwn(attributes, wanted);
  const key = wanted.slice(0, equals);
  return Object.hasOwn(attributes, key) && attributes[key] === wanted.slice(equals + 1);
}
