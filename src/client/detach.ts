/** Finds the detach keys in what is typed (moby/term's escape proxy). */
const NOTHING = Buffer.alloc(0);

/**
 * Passes input on and watches for a sequence of bytes. What may be its beginning is held back until the next byte decides.
 */
export class DetachScanner {
  readonly #keys: Buffer;
  #matched = 0;

  /** @param keys the sequence, not empty */
  constructor(keys: Buffer) {
    this.#keys = keys;
  }

  /** Takes a chunk; returns what to pass on of it, and whether the sequence is complete. What follows it is dropped. */
  push(chunk: Buffer): { readonly data: Buffer; readonly found: boolean } {
    if (this.#matched === 0 && !chunk.includes(this.#keys[0] ?? 0)) return { data: chunk, found: false };
    const out: number[] = [];
    for (const byte of chunk) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched++;
        if (this.#matched < this.#keys.length) continue;
        this.#matched = 0;
        return { data: Buffer.from(out), found: true };
      }
      // What was held back was no sequence; the byte itself may begin one.
      out.push(...this.#keys.subarray(0, this.#matched));
      this.#matched = byte === this.#keys[0] ? 1 : 0;
      if (this.#matched === 0) out.push(byte);
    }
    return { data: Buffer.from(out), found: false };
  }

  /** What was held back when the input ends. */
  end(): Buffer {
    const rest = this.#matched === 0 ? NOTHING : Buffer.from(this.#keys.subarray(0, this.#matched));
    this.#matched = 0;
    return rest;
  }
}
