/** docker's filters of `volume ls` (moby, volume/service/convert.go). */
import { Code, K3cError } from '../../../api/errors.ts';
import type { VolumeRecord } from '../../state/volumes.ts';
import { hasLabel } from '../labels.ts';

/** A volume's labels as users see them: docker knows an anonymous one by a label. */
export function labelsOf({ labels, anonymous }: Pick<VolumeRecord, 'labels' | 'anonymous'>): Record<string, string> {
  return { ...labels, ...(anonymous ? { 'com.docker.volume.anonymous': '' } : {}) };
}

type Test = (record: VolumeRecord) => boolean;

/**
 * Values of one filter are alternatives, but for labels, which must all be there. Throws INVALID_ARGUMENT for a filter that docker refuses.
 * @param isUsed whether a container has it
 */
export function volumeMatcher(
  filters: Readonly<Record<string, readonly string[]>>,
  isUsed: (name: string) => boolean,
): Test {
  const tests = Object.entries(filters).map(([name, values]) => makeTest(name, values, isUsed));
  return (record) => tests.every((test) => test(record));
}

function makeTest(name: string, values: readonly string[], isUsed: (name: string) => boolean): Test {
  switch (name) {
    case 'name': {
      const patterns = values.map(matcher);
      return (record) => patterns.some((matches) => matches(record.name));
    }
    case 'driver':
      return () => values.includes('local');
    case 'label':
      return (record) => values.every((value) => hasLabel(labelsOf(record), value));
    case 'label!':
      return (record) => !values.some((value) => hasLabel(labelsOf(record), value));
    case 'dangling': {
      const wanted = booleanOf(values);
      return (record) => isUsed(record.name) !== wanted;
    }
    default:
      throw invalid(name);
  }
}

function booleanOf(values: readonly string[]): boolean {
  const [value = ''] = values;
  if (values.length === 1 && ['1', 'true'].includes(value)) return true;
  if (values.length === 1 && ['0', 'false'].includes(value)) return false;
  throw invalid(`dangling=[${values.join(' ')}]`);
}

/** A regular expression; one that is none matches nothing but itself. */
function matcher(value: string): (name: string) => boolean {
  try {
    const pattern = new RegExp(value);
    return (name) => pattern.test(name);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return (name) => name === value;
  }
}

function invalid(what: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, `invalid filter '${what}'`, { reason: 'bad-input' });
}
