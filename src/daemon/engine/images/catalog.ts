/** The images of the store as docker sees them: records grouped by image id, found by name, digest or id. */
import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import type { Image as ImageRecord } from '../../../api/gen/services/images/v1/images.ts';
import type { Descriptor } from '../../../api/gen/types/descriptor.ts';
import {
  canonical,
  familiar,
  formatReference,
  imageIdDigits,
  isDigest,
  isImageId,
  parseReference,
  type Reference,
  repositoryOf,
} from '../../../api/reference.ts';
import type { Log } from '../../../host/log.ts';
import type { ImageContent, Manifests } from './manifests.ts';
import type { OciDescriptor } from './oci.ts';
import { type ImageRecords, INTERNAL_LABEL, PINNED, PINNED_LABEL } from './records.ts';

/** One record of the store whose content is there. */
export interface NamedRecord {
  readonly name: string;
  readonly target: Descriptor;
  /** Undefined for the record by id and for names that are no references. */
  readonly reference: Reference | undefined;
  readonly updatedAt: bigint;
  /** CRI holds on to it: the sandbox image. */
  readonly pinned: boolean;
}

/** All that the store has under one image id. */
export interface StoredImage {
  readonly id: string;
  readonly content: ImageContent;
  readonly records: readonly NamedRecord[];
  /** CRI never removes it: the sandbox image. */
  readonly pinned: boolean;
  /** k3c's own need, not the user's: shown only when all are asked for. */
  readonly internal: boolean;
}

/** A found image and how it was named. */
export interface FoundImage {
  readonly image: StoredImage;
  /** The record that was named; undefined when an id was given. */
  readonly record: NamedRecord | undefined;
}

/** docker's sentence for a name that is not in the store: with the tag that was looked for. */
export function noSuchImage(name: string): K3cError {
  const wanted = canonicalOf(name);
  const shown = wanted === undefined || name.startsWith('sha256:') ? name : familiar(formatReference(wanted));
  return new K3cError(Code.NOT_FOUND, `No such image: ${shown}`, { reason: 'image-not-found' });
}

/** containerd's descriptor as the documents have it. */
export function toOci(target: Descriptor): OciDescriptor {
  return { mediaType: target.mediaType, digest: target.digest, size: Number(target.size) };
}

/** A document's descriptor as containerd has it; annotations are not carried over. */
export function toDescriptor({ mediaType, digest, size }: OciDescriptor): Descriptor {
  return { mediaType, digest, size: BigInt(size), annotations: {} };
}

export class Catalog {
  readonly #records: ImageRecords;
  readonly #manifests: Manifests;
  readonly #log: Log;

  constructor(records: ImageRecords, manifests: Manifests, log: Log) {
    this.#records = records;
    this.#manifests = manifests;
    this.#log = log;
  }

  /** Every image whose content is complete enough to have a configuration, in no order. */
  async images(signal?: AbortSignal): Promise<StoredImage[]> {
    const records = await this.#records.list(signal);
    const groups = new Map<
      string,
      { content: ImageContent; records: NamedRecord[]; pinned: boolean; internal: boolean }
    >();
    const opened = await Promise.all(records.map((record) => this.#open(record, signal)));
    for (const [i, record] of records.entries()) {
      const content = opened[i];
      if (content === undefined || record.target === undefined) continue;
      const group = groups.get(content.id) ?? { content, records: [], pinned: false, internal: false };
      group.records.push(namedRecord(record, record.target));
      group.pinned ||= record.labels[PINNED_LABEL] === PINNED;
      group.internal ||= record.labels[INTERNAL_LABEL] !== undefined;
      groups.set(content.id, group);
    }
    return [...groups].map(([id, group]) => ({ id, ...group }));
  }

  /**
   * Finds an image by reference, id or unique prefix of an id, in docker's order: what can be a name is one first.
   *
   * @throws NOT_FOUND image-not-found; INVALID_ARGUMENT for a name that cannot be one or a prefix of several ids
   */
  async find(name: string, signal?: AbortSignal): Promise<FoundImage> {
    if (!isImageId(name)) {
      const wanted = canonicalOf(name);
      if (wanted !== undefined) {
        const found = await this.#byReference(wanted, signal);
        if (found !== undefined) return found;
      }
    }
    const digits = imageIdDigits(name);
    if (digits === undefined) {
      // Says what is wrong with it, or that it is a fine name of nothing.
      parseReference(name);
      throw noSuchImage(name);
    }
    return { image: await this.#byId(name, digits, signal), record: undefined };
  }

  async #byReference(wanted: Reference, signal?: AbortSignal): Promise<FoundImage | undefined> {
    const name = formatReference(wanted);
    const record = await this.#records.get(name, signal);
    const images = await this.images(signal);
    const holder = (matches: (record: NamedRecord) => boolean): FoundImage | undefined => {
      for (const image of images) {
        const found = image.records.find(matches);
        if (found !== undefined) return { image, record: found };
      }
      return undefined;
    };
    if (record !== undefined) return holder((each) => each.name === name);
    // A digest names what a tag of the same repository points at, whoever made that record.
    if (wanted.digest === undefined) return undefined;
    const repository = repositoryOf(wanted);
    return holder(
      (each) =>
        each.target.digest === wanted.digest &&
        each.reference !== undefined &&
        repositoryOf(each.reference) === repository,
    );
  }

  async #byId(name: string, digits: string, signal?: AbortSignal): Promise<StoredImage> {
    const images = await this.images(signal);
    const prefix = `sha256:${digits}`;
    // A full digest can also be that of the manifest or index that a record points at.
    const matches = isDigest(prefix)
      ? images.filter((each) => each.id === prefix || each.records.some((record) => record.target.digest === prefix))
      : images.filter((each) => each.id.startsWith(prefix));
    const [first, second] = matches;
    if (first === undefined) throw noSuchImage(name);
    if (second !== undefined && first.id !== prefix) {
      throw new K3cError(Code.INVALID_ARGUMENT, `image ID ${name} is ambiguous`, {
        reason: 'bad-input',
        hint: 'give more digits of it',
      });
    }
    return first;
  }

  async #open(record: ImageRecord, signal?: AbortSignal): Promise<ImageContent | undefined> {
    if (record.target === undefined) return undefined;
    try {
      return await this.#manifests.open(toOci(record.target), undefined, signal);
    } catch (error) {
      // Half of an image, or an artifact that is none, with documents too large or digests that are no digests: there is
      // nothing to run or to show.
      if (!hasCode(error, Code.NOT_FOUND, Code.DATA_LOSS, Code.OUT_OF_RANGE, Code.INVALID_ARGUMENT)) throw error;
      this.#log.debug({ image: record.name, error }, 'skipping a record without image content');
      return undefined;
    }
  }
}

function canonicalOf(name: string): Reference | undefined {
  try {
    return canonical(parseReference(name));
  } catch (error) {
    if (hasCode(error, Code.INVALID_ARGUMENT)) return undefined;
    throw error;
  }
}

function namedRecord(record: ImageRecord, target: Descriptor): NamedRecord {
  const reference = isImageId(record.name) ? undefined : canonicalOf(record.name);
  const at = record.updatedAt ?? record.createdAt;
  return {
    name: record.name,
    target,
    // Names that others gave in another form (busybox without a domain) are shown but cannot be found by it.
    reference: reference !== undefined && formatReference(reference) === record.name ? reference : undefined,
    pinned: record.labels[PINNED_LABEL] === PINNED,
    updatedAt: at === undefined ? 0n : at.seconds * 1_000_000_000n + BigInt(at.nanos),
  };
}
