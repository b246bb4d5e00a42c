/** Blobs in containerd's content store: small documents read whole, new blobs written as streams under a lease. */
import { createHash, randomUUID } from 'node:crypto';
import { Code, hasCode, K3cError } from '../../../api/errors.ts';
import { WriteAction } from '../../../api/gen/services/content/v1/content.ts';
import type { Metadata } from '../../../api/rpc/types.ts';
import type { Containerd } from '../../backends/containerd.ts';

/** Manifests and configurations beyond this are refused: registries allow 4 MB. */
const MAX_DOCUMENT = 16 << 20;
/** Bytes of one write; containerd takes messages of 16 MB. */
const WRITE_SIZE = 1 << 20;

export interface WriteOptions {
  /** Labels of the blob, among them the references that keep its children from being collected. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The lease that holds the blob until something refers to it. */
  readonly metadata: Metadata;
  readonly signal?: AbortSignal | undefined;
}

export interface WrittenBlob {
  readonly digest: string;
  readonly size: number;
}

export class ContentStore {
  readonly #content: Containerd['content'];

  constructor(content: Containerd['content']) {
    this.#content = content;
  }

  /** The bytes of a document. Throws NOT_FOUND when the blob is not there. */
  async read(digest: string, signal?: AbortSignal): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const { data } of this.#content.read({ digest }, { signal })) {
      size += data.length;
      if (size > MAX_DOCUMENT) throw new K3cError(Code.OUT_OF_RANGE, `${digest} is too large for a document`);
      chunks.push(data);
    }
    return Buffer.concat(chunks);
  }

  /** The bytes of a blob of any size, in pieces. Throws NOT_FOUND when it is not there. */
  async *stream(digest: string, signal?: AbortSignal): AsyncGenerator<Buffer> {
    for await (const { data } of this.#content.read({ digest }, { signal })) yield data;
  }

  /** A JSON document. Throws NOT_FOUND when the blob is not there, DATA_LOSS when it is no JSON. */
  async readJson(digest: string, signal?: AbortSignal): Promise<unknown> {
    const bytes = await this.read(digest, signal);
    try {
      return JSON.parse(bytes.toString('utf8'));
    } catch (error) {
      throw new K3cError(Code.DATA_LOSS, `${digest} in the content store is not JSON`, { cause: error });
    }
  }

  /** Whether a blob is there. */
  async has(digest: string, signal?: AbortSignal): Promise<boolean> {
    try {
      await this.#content.info({ digest }, { signal });
      return true;
    } catch (error) {
      if (hasCode(error, Code.NOT_FOUND)) return false;
      throw error;
    }
  }

  /** Adds labels to a blob; the ones it has stay. */
  async label(digest: string, labels: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<void> {
    const updateMask = Object.keys(labels).map((name) => `labels.${name}`);
    await this.#content.update({ info: { digest, labels: { ...labels } }, updateMask }, { signal });
  }

  /** Writes one blob from chunks; a blob that is there already is no error. An abort drops what was written. */
  async write(chunks: AsyncIterable<Buffer> | Iterable<Buffer>, options: WriteOptions): Promise<WrittenBlob> {
    const { metadata, signal } = options;
    const ref = `k3c-${randomUUID()}`;
    const call = this.#content.write({ metadata, signal });
    const hash = createHash('sha256');
    let offset = 0n;
    let done = false;
    const responses = call[Symbol.asyncIterator]();
    try {
      for await (const data of gather(chunks)) {
        hash.update(data);
        await call.send({ action: WriteAction.WRITE, ref, offset, data });
        offset += BigInt(data.length);
        await responses.next();
      }
      const digest = `sha256:${hash.digest('hex')}`;
      await call.send({
        action: WriteAction.COMMIT,
        ref,
        offset,
        total: offset,
        expected: digest,
        labels: { ...options.labels },
      });
      call.end();
      try {
        await responses.next();
      } catch (error) {
        if (!hasCode(error, Code.ALREADY_EXISTS)) throw error;
        if (options.labels !== undefined) await this.label(digest, options.labels, signal);
      }
      done = true;
      return { digest, size: Number(offset) };
    } finally {
      await responses.return?.();
      if (!done) await this.#abort(ref);
    }
  }

  /** Writes a document. Its text is stored as given, so that its digest is the caller's. */
  writeJson(value: unknown, options: WriteOptions): Promise<WrittenBlob> {
    return this.write([Buffer.from(JSON.stringify(value))], options);
  }

  async #abort(ref: string): Promise<void> {
    try {
      await this.#content.abort({ ref });
    } catch (error) {
      // Nothing was begun under this name, or containerd is gone and drops it at its next start.
      if (!hasCode(error, Code.NOT_FOUND, Code.UNAVAILABLE)) throw error;
    }
  }
}

/** Every write is answered, so small chunks are put together. */
async function* gather(chunks: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    size += chunk.length;
    if (size < WRITE_SIZE) continue;
    yield* slices(Buffer.concat(parts));
    parts = [];
    size = 0;
  }
  if (size > 0) yield* slices(Buffer.concat(parts));
}

function* slices(data: Buffer): Generator<Buffer> {
  for (let at = 0; at < data.length; at += 2 * WRITE_SIZE) yield data.subarray(at, at + 2 * WRITE_SIZE);
}
