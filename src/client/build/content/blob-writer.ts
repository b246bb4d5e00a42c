/** Writes one blob of a layout: under another name until it is whole. */
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, rename, rm } from 'node:fs/promises';
import { Code, K3cError } from '../../../api/errors.ts';

/** A blob that is being written. */
export class BlobWriter {
  readonly #file: FileHandle;
  readonly #partial: string;
  readonly #finalPath: (digest: string) => string;
  readonly #hash: Hash = createHash('sha256');
  readonly startedAt = new Date();
  offset = 0;

  constructor(file: FileHandle, partial: string, finalPath: (digest: string) => string) {
    this.#file = file;
    this.#partial = partial;
    this.#finalPath = finalPath;
  }

  get digest(): string {
    return `sha256:${this.#hash.copy().digest('hex')}`;
  }

  async write(data: Buffer): Promise<void> {
    this.#hash.update(data);
    for (let at = 0; at < data.length; ) at += (await this.#file.write(data, at)).bytesWritten;
    this.offset += data.length;
  }

  /** Makes the blob visible under its digest. Throws when it is not what was expected. */
  async commit(expectedSize: number, expectedDigest: string): Promise<void> {
    const digest = this.digest;
    if (expectedSize > 0 && expectedSize !== this.offset) {
      throw new K3cError(Code.FAILED_PRECONDITION, `unexpected size ${this.offset}, expected ${expectedSize}`);
    }
    if (expectedDigest !== '' && expectedDigest !== digest) {
      throw new K3cError(Code.FAILED_PRECONDITION, `unexpected digest ${digest}, expected ${expectedDigest}`);
    }
    await this.#file.close();
    await rename(this.#partial, this.#finalPath(digest));
  }

  async abort(): Promise<void> {
    await this.#file.close();
    await rm(this.#partial, { force: true });
  }
}
