/** A message as the pieces of which its encoding consists: bulk data is not copied on its way out. */
import { BinaryWriter } from '@bufbuild/protobuf/wire';

/** From this size on a bytes field is a piece of its own: a copy costs more than another piece. */
const BULK = 8 << 10;

/** A writer that leaves large bytes fields of the message itself, and not of one within it, as they are. */
class PartsWriter extends BinaryWriter {
  readonly #parts: Uint8Array[] = [];
  #depth = 0;

  override fork(): this {
    this.#depth++;
    return super.fork();
  }

  override join(): this {
    this.#depth--;
    return super.join();
  }

  override bytes(value: Uint8Array): this {
    if (this.#depth > 0 || value.byteLength < BULK) return super.bytes(value);
    this.uint32(value.byteLength);
    this.#parts.push(super.finish(), value);
    return this;
  }

  /** All pieces in order. */
  takeParts(): readonly Uint8Array[] {
    const rest = super.finish();
    return rest.length > 0 || this.#parts.length === 0 ? [...this.#parts, rest] : this.#parts;
  }
}

/** A codec of ts-proto takes a writer; another one brings its own. */
interface Encoder {
  encode(message: never, writer?: BinaryWriter): { finish(): Uint8Array };
}

/**
 * Encodes a message. The caller keeps its large bytes fields as they are until the pieces are sent.
 *
 * @throws what the encoder does, for values out of range
 */
export function encodeParts(codec: Encoder, message: unknown): readonly Uint8Array[] {
  const writer = new PartsWriter();
  const encoded = codec.encode(message as never, writer);
  return encoded === writer ? writer.takeParts() : [encoded.finish()];
}
