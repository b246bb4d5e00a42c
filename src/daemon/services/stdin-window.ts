/** A client's input on its way into a process. */
import type { Attachment } from '../engine/streams/types.ts';

/** What may wait for the process; the window of clients (stdin_taken in k3c.proto) and one chunk of theirs. */
const WINDOW = (1 << 20) + (256 << 10);

/** How much is taken before the client is told. */
const TELL_BYTES = 256 << 10;

/** Takes input at the speed of the client as far as the window goes, and tells it what the process has taken. */
export class StdinWindow {
  readonly #attachment: Pick<Attachment, 'writeStdin'>;
  readonly #tell: (bytes: number) => Promise<void>;
  #waiting = 0;
  #untold = 0;
  #room: PromiseWithResolvers<void> | undefined;

  /** @param tell rejects when the client has gone */
  constructor(attachment: Pick<Attachment, 'writeStdin'>, tell: (bytes: number) => Promise<void>) {
    this.#attachment = attachment;
    this.#tell = tell;
  }

  /** Resolves when more may come: at once, unless the client does not keep to the window. */
  async write(data: Buffer): Promise<void> {
    this.#waiting += data.length;
    void this.#attachment.writeStdin(data).then(() => this.#taken(data.length));
    if (this.#waiting < WINDOW) return;
    this.#room ??= Promise.withResolvers();
    await this.#room.promise;
  }

  #taken(bytes: number): void {
    this.#waiting -= bytes;
    this.#untold += bytes;
    if (this.#waiting < WINDOW) {
      this.#room?.resolve();
      this.#room = undefined;
    }
    // A client that waits has a full window: the rest of it is told with the last byte.
    if (this.#untold < TELL_BYTES && this.#waiting > 0) return;
    const told = this.#untold;
    this.#untold = 0;
    // A client that has gone needs no telling; its call ends elsewhere.
    this.#tell(told).catch(() => undefined);
  }
}
