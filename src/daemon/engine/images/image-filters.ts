/** docker's filters of images, for `images` and `image prune` (moby, daemon/images). */
import { Code, K3cError } from '../../../api/errors.ts';
import { familiar, familiarRepository } from '../../../api/reference.ts';
import { parseUntil } from '../filter-times.ts';
import { hasLabel } from '../labels.ts';
import type { StoredImage } from './catalog.ts';
import { createdAt, namesOf } from './names.ts';
import type { ImageParts } from './parts.ts';

export type ImageFilter = 'dangling' | 'reference' | 'label' | 'label!' | 'before' | 'since' | 'until';
/** Each filter with its values. */
export type ImageFilters = Readonly<Record<string, readonly string[]>>;
export type ImageTest = (image: StoredImage) => boolean;

/**
 * The tests that an image must pass. Values of a filter are alternatives, except of label, which must all be there.
 *
 * @param known the filters that the command takes
 * @throws INVALID_ARGUMENT for another filter or a bad value, NOT_FOUND for the image of `before` or `since`
 */
export async function imageTests(
  parts: Pick<ImageParts, 'catalog'>,
  filters: ImageFilters,
  known: readonly ImageFilter[],
  signal?: AbortSignal,
): Promise<ImageTest[]> {
  const tests: ImageTest[] = [];
  for (const [name, values] of Object.entries(filters)) {
    if (values.length === 0) continue;
    if (!known.some((each) => each === name)) {
      throw new K3cError(Code.INVALID_ARGUMENT, `invalid filter '${name}'`, {
        reason: 'bad-input',
        hint: `it can be one of ${known.join(', ')}`,
      });
    }
    switch (name as ImageFilter) {
      case 'dangling': {
        const wanted = values.map(parseBoolean);
        tests.push((image) => wanted.includes(namesOf(image).tags.length === 0));
        break;
      }
      case 'reference': {
        const patterns = values.map(recordPattern);
        tests.push((image) => image.records.some((record) => patterns.some((matches) => matches(record))));
        break;
      }
      case 'label':
        tests.push((image) => values.every((value) => hasLabel(labelsOf(image), value)));
        break;
      case 'before':
      case 'since': {
        for (const value of values) {
          const limit = createdAt((await parts.catalog.find(value, signal)).image);
          tests.push((image) => (name === 'before' ? createdAt(image) < limit : createdAt(image) > limit));
        }
        break;
      }
      case 'label!':
        tests.push((image) => !values.some((value) => hasLabel(labelsOf(image), value)));
        break;
      case 'until': {
        const [limit = 0n, another] = values.map(parseUntil);
        if (another !== undefined) {
          throw new K3cError(Code.INVALID_ARGUMENT, 'more than one until filter specified', { reason: 'bad-input' });
        }
        tests.push((image) => createdAt(image) < limit);
        break;
      }
    }
  }
  return tests;
}

function parseBoolean(value: string): boolean {
  if (['1', 'true', 't'].includes(value.toLowerCase())) return true;
  if (['0', 'false', 'f'].includes(value.toLowerCase())) return false;
  throw new K3cError(Code.INVALID_ARGUMENT, `invalid filter 'dangling=${value}'`, { reason: 'bad-input' });
}

function labelsOf(image: StoredImage): Readonly<Record<string, string>> {
  return image.content.config.config?.Labels ?? {};
}

/** docker's reference filter: a shell pattern for the repository, with or without the tag (Go's path.Match). */
export function recordPattern(pattern: string): (record: StoredImage['records'][number]) => boolean {
  const matches = pathMatch(pattern);
  return ({ name, reference }) =>
    reference !== undefined && (matches(familiar(name)) || matches(familiarRepository(reference)));
}

/** `*` and `?` stop at slashes, [a-z] and \ work as in a shell. */
export function pathMatch(pattern: string): (text: string) => boolean {
  let source = '';
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i);
    if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '[' && pattern.includes(']', i + 1)) {
      const end = pattern.indexOf(']', i + 1);
      source += `[${pattern.slice(i + 1, end).replaceAll('\\', '\\\\')}]`;
      i = end;
    } else if (char === '\\' && i + 1 < pattern.length) source += quoted(pattern.charAt(++i));
    else source += quoted(char);
  }
  let compiled: RegExp;
  try {
    compiled = new RegExp(`^${source}$`);
  } catch (error) {
    throw new K3cError(Code.INVALID_ARGUMENT, `invalid filter 'reference=${pattern}'`, {
      reason: 'bad-input',
      cause: error,
    });
  }
  return (text) => compiled.test(text);
}

function quoted(char: string): string {
  return /[\w/]/.test(char) ? char : `\\${char}`;
}
