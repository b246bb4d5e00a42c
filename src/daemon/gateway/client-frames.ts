/**
 * Walks over the frames that a client sends and passes them on without touching payloads. Only header blocks are held back
 * until they are whole: they are decoded, and whoever listens says what becomes of them.
 */
import {
  blockOf,
  CONTINUATION,
  END_HEADERS,
  END_STREAM,
  type FrameHeader,
  H2Error,
  HEADER_LENGTH,
  HEADERS,
  headersFrames,
  MAX_HELD,
  parseHeader,
} from './h2-frames.ts';
import { encodeLiterals, HpackDecoder } from './hpack.ts';

export interface ClientFramesListener {
  /** Any other frame, before its payload: false drops it. */
  frame(header: FrameHeader): boolean;
  /** A whole header block. `rewrite` sends it on in a form that needs no table, for a daemon that missed a block before. */
  fields(streamId: number, fields: readonly string[], endStream: boolean): 'pass' | 'drop' | 'rewrite';
  /** What is to be sent on. The bytes belong to the chunk that was pushed. */
  output(bytes: Buffer): void;
}

/** A header block that is not whole yet. */
interface Block {
  readonly streamId: number;
  readonly endStream: boolean;
  readonly fragments: Buffer[];
  /** The frames as they came. */
  readonly raw: Buffer[];
  size: number;
}

export class ClientFrames {
  readonly decoder = new HpackDecoder();
  /** Told of everything; changes when a connection that was looked at becomes one that is relayed. */
  listener: ClientFramesListener;
  readonly #partial = Buffer.alloc(HEADER_LENGTH);
  #have = 0;
  #left = 0;
  #way: 'pass' | 'drop' | 'hold' = 'pass';
  #header: FrameHeader = { length: 0, type: 0, flags: 0, streamId: 0 };
  #payload: Buffer[] = [];
  #block: Block | undefined;
  /** Bytes before the chunk at hand. */
  #before = 0;
  #frameStart = 0;

  constructor(listener: ClientFramesListener) {
    this.listener = listener;
  }

  /** How many bytes came before the frame that was begun last. */
  get frameStart(): number {
    return this.#frameStart;
  }

  /**
   * Takes what the client sent, from the end of its preface on, cut anywhere. Throws H2Error and HpackError where it breaks
   * the rules; nothing can be passed after that.
   */
  push(chunk: Buffer): void {
    let at = 0;
    // What lies between `from` and `at` passes, and is sent in one piece when the run ends.
    let from = 0;
    const flush = (to: number) => {
      if (to > from) this.listener.output(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
    };
    while (at < chunk.length) {
      if (this.#left > 0) {
        const end = Math.min(chunk.length, at + this.#left);
        if (this.#way === 'hold') this.#payload.push(Buffer.from(chunk.subarray(at, end)));
        this.#left -= end - at;
        at = end;
        if (this.#way !== 'pass') from = at;
        if (this.#left === 0) this.#endFrame();
        continue;
      }
      const start = at;
      const end = Math.min(chunk.length, at + HEADER_LENGTH - this.#have);
      const isWhole = end - at === HEADER_LENGTH;
      chunk.copy(this.#partial, this.#have, at, end);
      this.#have += end - at;
      at = end;
      if (this.#have === HEADER_LENGTH) {
        this.#have = 0;
        this.#frameStart = this.#before + at - HEADER_LENGTH;
        this.#beginFrame(parseHeader(this.#partial));
        if (isWhole && this.#way === 'pass') continue;
        flush(start);
        from = at;
        // A header that came in pieces was held back until now.
        if (this.#way === 'pass') this.listener.output(Buffer.from(this.#partial));
      } else {
        flush(start);
        from = at;
      }
      if (this.#have === 0 && this.#left === 0) this.#endFrame();
    }
    flush(at);
    this.#before += chunk.length;
  }

  #beginFrame(header: FrameHeader): void {
    this.#header = header;
    this.#left = header.length;
    const block = this.#block;
    if ((header.type === CONTINUATION) !== (block !== undefined) || (block && block.streamId !== header.streamId)) {
      throw new H2Error('a header block that is broken by another frame');
    }
    if (header.type !== HEADERS && header.type !== CONTINUATION) {
      this.#way = this.listener.frame(header) ? 'pass' : 'drop';
      return;
    }
    this.#way = 'hold';
    this.#payload = [];
    if ((block?.size ?? 0) + header.length > MAX_HELD) throw new H2Error('a header block of more than a megabyte');
  }

  #endFrame(): void {
    if (this.#way !== 'hold') return;
    const { type, flags, streamId } = this.#header;
    const payload = Buffer.concat(this.#payload);
    this.#payload = [];
    this.#block ??= { streamId, endStream: (flags & END_STREAM) !== 0, fragments: [], raw: [], size: 0 };
    const block = this.#block;
    block.fragments.push(type === HEADERS ? blockOf(flags, payload) : payload);
    block.raw.push(Buffer.from(this.#partial), payload);
    block.size += payload.length;
    if ((flags & END_HEADERS) === 0) return;
    this.#block = undefined;
    const fields = this.decoder.decode(Buffer.concat(block.fragments));
    const way = this.listener.fields(streamId, fields, block.endStream);
    if (way === 'pass') this.listener.output(Buffer.concat(block.raw));
    else if (way === 'rewrite') {
      this.listener.output(headersFrames(streamId, encodeLiterals(fields), block.endStream));
    }
  }
}
