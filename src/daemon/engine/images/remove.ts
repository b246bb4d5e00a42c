/** `rmi` with docker's rules (moby daemon/images/image_delete.go): untag first, delete when the last name goes. */
import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import { familiar, isUnnamed, repositoryOf } from '../../../api/reference.ts';
import type { NamedRecord, StoredImage } from './catalog.ts';
import { chainIds } from './chain.ts';
import { idsBehind, usersOf } from './in-use.ts';
import type { ImageParts, ImageUser } from './parts.ts';
import { shortId } from './progress.ts';

export interface RemovedImage {
  /** Names in familiar form. */
  readonly untagged: readonly string[];
  /** The image id and the snapshots that went with it. */
  readonly deleted: readonly string[];
}

/** Throws NOT_FOUND image-not-found, and FAILED_PRECONDITION image-in-use with docker's sentences. */
export function removeImage(
  parts: ImageParts,
  name: string,
  force: boolean,
  signal?: AbortSignal,
): Promise<RemovedImage> {
  return parts.exclusively(async () => {
    const { image, record } = await parts.catalog.find(name, signal);
    // Other names of a pinned image are the user's to remove.
    if (record === undefined ? image.pinned : record.pinned) {
      throw inUse(`unable to delete ${shortId(image.id)} (cannot be forced) - image is pinned: every pod needs it`);
    }
    const ids = await idsBehind(parts, image, signal);
    // From here on nothing may be waited for before the mark.
    const users = usersOf(parts, ids);
    const named = image.records.filter((each) => each.name !== image.id);
    return parts.removals.during(ids, async () => {
      if (record === undefined || record.name === image.id) {
        refuseById(image, named, users, force);
        return erase(parts, image, named, signal);
      }
      return removeName(parts, image, record, named, users, force, signal);
    });
  });
}

async function removeName(
  parts: ImageParts,
  image: StoredImage,
  record: NamedRecord,
  named: readonly NamedRecord[],
  users: readonly ImageUser[],
  force: boolean,
  signal?: AbortSignal,
): Promise<RemovedImage> {
  // With the last tag of a repository its digests go too.
  const others = named.filter((each) => each !== record);
  const mates = others.filter((each) => sameRepository(each, record));
  const going = mates.some((each) => each.reference?.tag !== undefined) ? [record] : [record, ...mates];
  const rest = others.filter((each) => !going.includes(each));
  if (rest.every((each) => isUnnamed(each.name))) {
    going.push(...rest);
    const [user] = users;
    if (user !== undefined && !force) {
      throw inUse(
        `unable to remove repository reference "${familiar(record.name)}" (must force) - container ` +
          `${shortId(user.id)} is using its referenced image ${shortId(image.id)}`,
        `remove the container first, or use -f`,
      );
    }
    // A forced untag of an image that runs leaves it without a name.
    if (!users.some((each) => each.running)) return erase(parts, image, going, signal);
  }
  return { untagged: await untag(parts, going, signal), deleted: [] };
}

function sameRepository(a: NamedRecord, b: NamedRecord): boolean {
  return (
    a.reference !== undefined && b.reference !== undefined && repositoryOf(a.reference) === repositoryOf(b.reference)
  );
}

function refuseById(
  image: StoredImage,
  named: readonly NamedRecord[],
  users: readonly ImageUser[],
  force: boolean,
): void {
  const id = shortId(image.id);
  const tags = named.filter((each) => each.reference?.digest === undefined);
  const visible = named.filter((each) => !isUnnamed(each.name));
  const repositories = new Set(visible.map((each) => (each.reference ? repositoryOf(each.reference) : each.name)));
  if (!force && (tags.length > 1 || repositories.size > 1)) {
    throw inUse(
      `unable to delete ${id} (must be forced) - image is referenced in multiple repositories`,
      'remove its names one by one, or use -f',
    );
  }
  const running = users.find((each) => each.running);
  if (running !== undefined) {
    throw inUse(
      `unable to delete ${id} (cannot be forced) - image is being used by running container ${shortId(running.id)}`,
      'stop the container first',
    );
  }
  const stopped = force ? undefined : users[0];
  if (stopped !== undefined) {
    throw inUse(
      `unable to delete ${id} (must be forced) - image is being used by stopped container ${shortId(stopped.id)}`,
      'remove the container first, or use -f',
    );
  }
}

function inUse(what: string, hint?: string): K3cError {
  return new K3cError(Code.FAILED_PRECONDITION, `conflict: ${what}`, { reason: 'image-in-use', hint });
}

async function untag(parts: ImageParts, records: readonly NamedRecord[], signal?: AbortSignal): Promise<string[]> {
  const untagged: string[] = [];
  for (const record of records) {
    // Each deletion may be the one that frees something: another record may have gone meanwhile.
    const gone = await parts.records.delete(record.name, record.target, true, signal);
    if (gone && !isUnnamed(record.name)) untagged.push(familiar(record.name));
  }
  for (const record of records) await parts.records.settled(record.name, undefined, signal);
  return untagged;
}

/** Takes every name and the id away and waits until what only they kept is freed. */
async function erase(
  parts: ImageParts,
  image: StoredImage,
  named: readonly NamedRecord[],
  signal?: AbortSignal,
): Promise<RemovedImage> {
  const layers = chainIds(image.content.config.rootfs.diff_ids).reverse();
  const before = await present(parts, layers, signal);
  const untagged = await untag(parts, named, signal);
  const last = image.records.find((each) => each.name === image.id);
  if (last !== undefined) await parts.records.delete(last.name, last.target, true, signal);
  await parts.records.settled(image.id, undefined, signal);
  const after = new Set(await present(parts, layers, signal));
  return { untagged, deleted: [image.id, ...before.filter((key) => !after.has(key))] };
}

async function present(parts: ImageParts, keys: readonly string[], signal?: AbortSignal): Promise<string[]> {
  const there = await Promise.all(
    keys.map(async (key) => {
      try {
        await parts.containerd.snapshots.stat({ snapshotter: parts.snapshotter, key }, { signal });
        return true;
      } catch (error) {
        if (hasCode(error, Code.NOT_FOUND)) return false;
        throw error;
      }
    }),
  );
  return keys.filter((_, i) => there[i]);
}
