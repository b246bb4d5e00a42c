/** What a build says of its steps while it runs. */
import { K3cError } from '../../api/errors.ts';
import type { BuildStatus, ControlClient } from './control.ts';

/** Reads Status until it ends; after a failure only for as long as something still comes. */
export class StatusFollower {
  /** Resolves when no more statuses come; never rejects. */
  readonly done: Promise<void>;
  /** The last error of each vertex. */
  readonly vertexErrors = new Map<string, string>();
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #patience: number | undefined;

  constructor(control: ControlClient, ref: string, onStatus: (status: BuildStatus) => void) {
    this.done = this.#follow(control, ref, onStatus);
  }

  /** Ends it when nothing has come for so long from now on. */
  lingerFor(milliseconds: number): void {
    this.#patience = milliseconds;
    this.#arm();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }

  async #follow(control: ControlClient, ref: string, onStatus: (status: BuildStatus) => void): Promise<void> {
    try {
      for await (const status of control.status({ Ref: ref }, { signal: this.#controller.signal })) {
        this.#arm();
        for (const vertex of status.vertexes) {
          if (vertex.error === '') this.vertexErrors.delete(vertex.digest);
          else this.vertexErrors.set(vertex.digest, vertex.error);
        }
        onStatus(status);
      }
    } catch (error) {
      // A solve that is refused has no job, and a lost connection fails the solve itself: its error is the one to report.
      if (!(error instanceof K3cError)) throw error;
    } finally {
      clearTimeout(this.#timer);
    }
  }

  #arm(): void {
    if (this.#patience === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(), this.#patience);
  }
}
