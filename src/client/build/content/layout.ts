/**
 * An OCI image layout in a directory of the client (image-spec, image-layout.md): blobs by digest and an index of what they
 * make. Local caches and unpacked OCI outputs have this form.
 */
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, K3cError } from '../../../api/errors.ts';
import { isDigest } from '../../../api/reference.ts';
import { openLocked } from '../../../host/lock.ts';
import { newId } from '../session/id.ts';
import { BlobWriter } from './blob-writer.ts';
import type { CacheLock } from './cache-lock.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Index {
  readonly schemaVersion: number;
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
}

const REF_NAME = 'org.opencontainers.image.ref.name';
const IMAGE_NAME = 'io.containerd.image.name';

/** Indexes and manifests, of OCI and of docker: the blobs that name others. */
const PARENT_TYPES =
  /^application\/vnd\.(?:oci\.image\.(?:index|manifest)\.v1|docker\.distribution\.manifest(?:\.list)?\.v2)\+json$/;

interface Parent {
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

const INGEST = 'ingest-';
const LOCK_AGAIN_MS = 20;

/** How an entry of the index is called: a bare tag, or an image's whole name. */
export interface EntryName {
  readonly tag: string;
  readonly imageName?: string | undefined;
}

export class ImageLayout {
  readonly #directory: string;
  readonly #lock: CacheLock | undefined;

  /** @param lock held from the first write, or attempt at one, on */
  constructor(directory: string, lock?: CacheLock) {
    this.#directory = directory;
    this.#lock = lock;
  }

  /** To be called before it is decided whether something is to be written: what is there already must stay. */
  async prepareWrite(signal: AbortSignal): Promise<void> {
    await this.#lock?.share(signal);
  }

  /** Size and age of a blob; undefined when it is not there. */
  async info(digest: string): Promise<{ readonly size: number; readonly modified: Date } | undefined> {
    try {
      const { size, mtime } = await stat(this.#blobPath(digest));
      return { size, modified: mtime };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Pieces of a blob, in order. Throws NOT_FOUND without it. */
  async *read(digest: string, offset: number, size: number): AsyncGenerator<Buffer> {
    let file: FileHandle;
    try {
      file = await open(this.#blobPath(digest));
    } catch (error) {
      if (isMissing(error)) throw new K3cError(Code.NOT_FOUND, `content ${digest}: not found`);
      throw error;
    }
    try {
      const end = size > 0 ? offset + size : Number.POSITIVE_INFINITY;
      for (let at = offset; at < end; ) {
        const buffer = Buffer.allocUnsafe(Math.min(1 << 20, end - at));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
        if (bytesRead === 0) return;
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  /** Begins a new blob. */
  async write(): Promise<BlobWriter> {
    const blobs = join(this.#directory, 'blobs/sha256');
    await mkdir(blobs, { recursive: true });
    const partial = join(this.#directory, `${INGEST}${newId()}`);
    return new BlobWriter(await open(partial, 'wx', 0o644), partial, (digest) => this.#blobPath(digest));
  }

  /** All digests that the index leads to, its own entries among them. Throws NOT_FOUND where one is missing that leads further. */
  async reachable(): Promise<ReadonlySet<string>> {
    const seen = new Set<string>();
    const visit = async (descriptor: Descriptor): Promise<void> => {
      if (seen.has(descriptor.digest)) return;
      seen.add(descriptor.digest);
      for (const child of await this.#children(descriptor)) await visit(child);
    };
    for (const entry of (await this.#index()).manifests) await visit(entry);
    return seen;
  }

  async #children({ mediaType, digest }: Descriptor): Promise<readonly Descriptor[]> {
    if (!PARENT_TYPES.test(mediaType)) return [];
    const chunks: Buffer[] = [];
    for await (const chunk of this.read(digest, 0, 0)) chunks.push(chunk);
    const { manifests = [], config, layers = [] } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Parent;
    return [...manifests, ...(config === undefined ? [] : [config]), ...layers];
  }

  /** Removes blobs but for these, and what interrupted writes left. Nobody may write meanwhile. */
  async keepOnly(digests: ReadonlySet<string>): Promise<void> {
    const blobs = join(this.#directory, 'blobs/sha256');
    for (const name of await readdir(blobs).catch(noneIfMissing)) {
      if (!digests.has(`sha256:${name}`)) await rm(join(blobs, name), { force: true });
    }
    for (const name of await readdir(this.#directory)) {
      if (name.startsWith(INGEST)) await rm(join(this.#directory, name), { force: true });
    }
  }

  /** The entry of this tag or name; without one the only entry there is. Undefined when there is none. */
  async find(tag: string | undefined): Promise<Descriptor | undefined> {
    const manifests = (await this.#index()).manifests;
    if (tag === undefined) return manifests.length === 1 ? manifests[0] : undefined;
    return (
      manifests.find(({ annotations }) => annotations?.[IMAGE_NAME] === tag) ??
      manifests.find(({ annotations }) => annotations?.[REF_NAME] === tag)
    );
  }

  /** Puts entries into the index, in place of those of the same names. Waits while somebody else does so. */
  async put(descriptor: Descriptor, names: readonly EntryName[]): Promise<void> {
    const path = join(this.#directory, 'index.json.lock');
    let lock: FileHandle | undefined;
    while (lock === undefined) lock = (await openLocked(path, 'exclusive', 0o644)) ?? (await sleep(LOCK_AGAIN_MS));
    try {
      await this.#put(descriptor, names);
    } finally {
      // As BuildKit's own clients do (client/ociindex), which take the same lock.
      await rm(path, { force: true });
      await lock.close();
    }
  }

  async #put(descriptor: Descriptor, names: readonly EntryName[]): Promise<void> {
    const old = (await this.#index()).manifests;
    const taken = (entry: Descriptor) =>
      names.some(({ tag, imageName }) => {
        const { [REF_NAME]: otherTag, [IMAGE_NAME]: otherName } = entry.annotations ?? {};
        return imageName === undefined ? otherName === undefined && otherTag === tag : otherName === imageName;
      });
    const added = names.map(({ tag, imageName }) => ({
      ...descriptor,
      annotations: {
        ...descriptor.annotations,
        [REF_NAME]: tag,
        ...(imageName === undefined ? {} : { [IMAGE_NAME]: imageName }),
      },
    }));
    const index: Index = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [...old.filter((entry) => !taken(entry)), ...added],
    };
    await writeFile(join(this.#directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    const partial = join(this.#directory, `index.json.${newId()}`);
    await writeFile(partial, JSON.stringify(index));
    await rename(partial, join(this.#directory, 'index.json'));
  }

  async #index(): Promise<Index> {
    try {
      return JSON.parse(await readFile(join(this.#directory, 'index.json'), 'utf8')) as Index;
    } catch (error) {
      if (isMissing(error)) return { schemaVersion: 2, mediaType: '', manifests: [] };
      throw new K3cError(Code.INVALID_ARGUMENT, `${join(this.#directory, 'index.json')} cannot be read`, {
        cause: error,
      });
    }
  }

  #blobPath(digest: string): string {
    if (!isDigest(digest)) throw new K3cError(Code.INVALID_ARGUMENT, `invalid digest ${JSON.stringify(digest)}`);
    return join(this.#directory, 'blobs', digest.replace(':', '/'));
  }
}

function noneIfMissing(error: unknown): string[] {
  if (!isMissing(error)) throw error;
  return [];
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
