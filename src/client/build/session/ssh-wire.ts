/** The data types of the ssh protocols (RFC 4251, section 5). */
import { Code, K3cError } from '../../../api/errors.ts';

/** Reads fields one after another; throws INVALID_ARGUMENT where the bytes end too early. */
export class SshReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  uint32(): number {
    return this.take(4).readUInt32BE(0);
  }

  /** A length and so many bytes. */
  string(): Buffer {
    return this.take(this.uint32());
  }

  text(): string {
    return this.string().toString('utf8');
  }

  /** A positive integer without the zero that keeps its sign. */
  integer(): Buffer {
    return unsigned(this.string());
  }

  take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw new K3cError(Code.INVALID_ARGUMENT, 'ssh data ends too early');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

/** A length and the bytes. */
export function sshString(value: Buffer | string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([sshUint32(bytes.length), bytes]);
}

export function sshUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A positive integer as `mpint`: no zeros in front but the one that keeps it positive. */
export function sshInteger(value: Buffer): Buffer {
  const bytes = unsigned(value);
  return sshString((bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
}

/** Big-endian bytes without zeros in front. */
export function unsigned(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? Buffer.alloc(0) : bytes.subarray(first);
}
