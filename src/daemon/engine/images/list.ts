/** `images`: one entry an image id, with docker's filters. */
import { Code, K3cError } from '../../../api/errors.ts';
import { familiar, familiarRepository, isUnnamed } from '../../../api/reference.ts';
import type { StoredImage } from './catalog.ts';
import type { ImageParts } from './parts.ts';
import type { ImageSizes } from './sizes.ts';

export interface ListedImage {
  readonly id: string;
  /** Familiar forms, sorted. */
  readonly tags: readonly string[];
  readonly digests: readonly string[];
  /** Nanoseconds since the epoch; 0 when the image does not say. */
  readonly createdAt: bigint;
  /** Bytes; see ImageSizes. */
  readonly size: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly containers: number;
}

export interface ListOptions {
  /** k3c's own images too. */
  readonly all?: boolean;
  /** dangling, reference, label, before, since, each with its values. */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
  readonly signal?: AbortSignal | undefined;
}

type Test = (image: StoredImage) => boolean;

/** Newest first. Throws INVALID_ARGUMENT for a bad filter, NOT_FOUND for the image of `before` or `since`. */
export async function listImages(parts: ImageParts, sizes: ImageSizes, options: ListOptions): Promise<ListedImage[]> {
  const { signal } = options;
  const tests = await filterTests(parts, options.filters ?? {}, signal);
  const images = await parts.catalog.images(signal);
  sizes.retain(images.map((image) => image.content));
  const patterns = (options.filters?.['reference'] ?? []).map(recordPattern);
  const shown = images
    .filter((image) => (options.all || !image.internal) && tests.every((test) => test(image)))
    .map((image) => withMatchingNames(image, patterns));
  const listed = await Promise.all(
    shown.map(async (image): Promise<ListedImage> => {
      const [size, users] = await Promise.all([sizes.of(image.content, signal), parts.containersUsing(image.id)]);
      return {
        id: image.id,
        ...namesOf(image),
        createdAt: createdAt(image),
        size,
        labels: image.content.config.config?.Labels ?? {},
        containers: users.length,
      };
    }),
  );
  return listed.sort((a, b) => {
    if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? 1 : -1;
    return (a.tags[0] ?? a.id).localeCompare(b.tags[0] ?? b.id);
  });
}

/** The names of an image in familiar form. */
export function namesOf(image: StoredImage): { tags: string[]; digests: string[] } {
  const tags = new Set<string>();
  const digests = new Set<string>();
  for (const { name, reference } of image.records) {
    if (isUnnamed(name)) continue;
    if (reference?.digest !== undefined) digests.add(familiar(name));
    else if (reference !== undefined) tags.add(familiar(name));
    else if (!name.startsWith('sha256:')) tags.add(name);
  }
  return { tags: [...tags].sort(), digests: [...digests].sort() };
}

/** Nanoseconds since the epoch. */
export function createdAt(image: StoredImage): bigint {
  const milliseconds = Date.parse(image.content.config.created ?? '');
  return Number.isNaN(milliseconds) ? 0n : BigInt(milliseconds) * 1_000_000n;
}

async function filterTests(
  parts: ImageParts,
  filters: Readonly<Record<string, readonly string[]>>,
  signal?: AbortSignal,
): Promise<Test[]> {
  const tests: Test[] = [];
  for (const [name, values] of Object.entries(filters)) {
    if (values.length === 0) continue;
    switch (name) {
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
        tests.push((image) => values.every((value) => hasLabel(image, value)));
        break;
      case 'before':
      case 'since': {
        for (const value of values) {
          const limit = createdAt((await parts.catalog.find(value, signal)).image);
          tests.push((image) => (name === 'before' ? createdAt(image) < limit : createdAt(image) > limit));
        }
        break;
      }
      default:
        throw new K3cError(Code.INVALID_ARGUMENT, `invalid filter '${name}'`, {
          reason: 'bad-input',
          hint: 'images can be filtered by dangling, reference, label, before and since',
        });
    }
  }
  return tests;
}

function parseBoolean(value: string): boolean {
  if (['1', 'true', 't'].includes(value.toLowerCase())) return true;
  if (['0', 'false', 'f'].includes(value.toLowerCase())) return false;
  throw new K3cError(Code.INVALID_ARGUMENT, `invalid filter 'dangling=${value}'`, { reason: 'bad-input' });
}

function hasLabel(image: StoredImage, wanted: string): boolean {
  const [key = '', ...rest] = wanted.split('=');
  const labels = image.content.config.config?.Labels ?? {};
  return Object.hasOwn(labels, key) && (rest.length === 0 || labels[key] === rest.join('='));
}

/** docker's reference filter: a shell pattern for the repository, with or without the tag (Go's path.Match). */
function recordPattern(pattern: string): (record: StoredImage['records'][number]) => boolean {
  const matches = pathMatch(pattern);
  return ({ name, reference }) =>
    reference !== undefined && (matches(familiar(name)) || matches(familiarRepository(reference)));
}

/** An image that was asked for by name shows the names that match, as docker has it; without patterns all of them. */
function withMatchingNames(image: StoredImage, patterns: readonly ReturnType<typeof recordPattern>[]): StoredImage {
  if (patterns.length === 0) return image;
  return { ...image, records: image.records.filter((record) => patterns.some((matches) => matches(record))) };
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
