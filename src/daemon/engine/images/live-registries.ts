/** registries.yaml as it counts now: read at the start, and again when the daemon is asked to. */
import { isDeepStrictEqual } from 'node:util';
import type { RegistryServer } from '../../backends/registry/server.ts';
import type { Credentials } from '../../backends/transfer.ts';
import type { RegistrySettings } from './parts.ts';
import { type AppliedRegistries, applyRegistries, type RegistriesOptions, type RegistrySource } from './registries.ts';

export class LiveRegistries implements RegistrySettings {
  readonly #file: string;
  readonly #certsDir: string;
  readonly #options: RegistriesOptions;
  #now: AppliedRegistries;
  /** Those of before; BuildKit may still ask their relays, whose addresses it read when it started. */
  readonly #before: AppliedRegistries[] = [];
  /** Readings write the same directory, so they come one after the other. */
  #reading: Promise<void> = Promise.resolve();

  private constructor(file: string, certsDir: string, options: RegistriesOptions, applied: AppliedRegistries) {
    this.#file = file;
    this.#certsDir = certsDir;
    this.#options = options;
    this.#now = applied;
  }

  /** Reads and applies the file. Throws as applyRegistries does. Close it. */
  static async open(file: string, certsDir: string, options: RegistriesOptions): Promise<LiveRegistries> {
    const applied = await applyRegistries(file, certsDir, options);
    for (const warning of applied.warnings) options.log.warn({}, warning);
    return new LiveRegistries(file, certsDir, options, applied);
  }

  get hostDir(): string {
    return this.#now.hostDir;
  }

  get buildkit(): AppliedRegistries['buildkit'] {
    return this.#now.buildkit;
  }

  credentials = (host: string): Credentials => this.#now.credentials(host);
  server = (host: string): RegistryServer => this.#now.server(host);
  sources = (host: string): readonly RegistrySource[] => this.#now.sources(host);

  /**
   * Reads the file anew. Pull, push, login and CRI follow at once, for containerd reads hosts.toml at every request, and so do the
   * credentials of builds; mirrors and TLS of builds do when buildkitd starts the next time. A file that is wrong changes nothing.
   */
  reload(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read());
    return this.#reading;
  }

  async #read(): Promise<void> {
    const { log } = this.#options;
    try {
      const applied = await applyRegistries(this.#file, this.#certsDir, this.#options);
      for (const warning of applied.warnings) log.warn({}, warning);
      const forBuilds = isDeepStrictEqual(applied.buildkit, this.#now.buildkit)
        ? ''
        : '; mirrors and TLS of builds follow when buildkitd starts the next time';
      this.#before.push(this.#now);
      this.#now = applied;
      log.info({ file: this.#file }, `registries are read anew${forBuilds}`);
    } catch (err) {
      log.error({ err, file: this.#file }, 'registries stay as they were');
    }
  }

  async close(): Promise<void> {
    await this.#reading;
    await Promise.all([this.#now, ...this.#before].map((each) => each.close()));
  }
}
