/** The relay, from when the first file needs it. */
import { type Relay, type RelayOptions, startRelay } from '../../backends/registry/relay.ts';
import type { RelaySource } from './registries.ts';

/** One relay for as long as the daemon runs: BuildKit keeps the addresses that it was started with. */
export class RelayHolder implements RelaySource {
  readonly #options: RelayOptions;
  #starting: Promise<Relay> | undefined;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  get isStarted(): boolean {
    return this.#starting !== undefined;
  }

  get(): Promise<Relay> {
    this.#starting ??= startRelay(this.#options).catch((error: unknown) => {
      // The next file may have it again.
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async close(): Promise<void> {
    await (await this.#starting)?.close();
  }
}
