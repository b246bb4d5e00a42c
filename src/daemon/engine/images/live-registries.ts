/** registries.yaml as it counts now: read at the start, and again when the daemon is asked to. */
import { isDeepStrictEqual } from 'node:util';
import type { Log } from '../../../host/log.ts';
import type { RelayOptions } from '../../backends/registry/relay.ts';
import type { RegistryServer } from '../../backends/registry/server.ts';
import type { Credentials } from '../../backends/transfer.ts';
import type { RegistrySettings } from './parts.ts';
import { type AppliedRegistries, applyRegistries, type RegistrySource } from './registries.ts';
import { RelayHolder } from './relay-holder.ts';

export interface LiveRegistriesOptions {
  /** The file was named by somebody: it must be there. */
  readonly required?: boolean;
  /** Whether the process at the other end of a connection is one that pulls for us. */
  readonly isAllowed: RelayOptions['isAllowed'];
  readonly log: Log;
}

export class LiveRegistries implements RegistrySettings {
  readonly #file: string;
  readonly #certsDir: string;
  readonly #options: LiveRegistriesOptions;
  readonly #relay: RelayHolder;
  #now: AppliedRegistries;
  /** What the buildkitd that runs was started with. */
  #running: AppliedRegistries['buildkit'] = {};
  /** Readings write the same directory, so they come one after the other. */
  #reading: Promise<void> = Promise.resolve();

  private constructor(
    file: string,
    certsDir: string,
    options: LiveRegistriesOptions,
    relay: RelayHolder,
    applied: AppliedRegistries,
  ) {
    this.#file = file;
    this.#certsDir = certsDir;
    this.#options = options;
    this.#relay = relay;
    this.#now = applied;
  }

  /** Reads and applies the file. Throws as applyRegistries does. Close it. */
  static async open(file: string, certsDir: string, options: LiveRegistriesOptions): Promise<LiveRegistries> {
    const relay = new RelayHolder(options);
    try {
      const applied = await applyRegistries(file, certsDir, { required: options.required ?? false, relay });
      for (const warning of applied.warnings) options.log.warn({}, warning);
      return new LiveRegistries(file, certsDir, options, relay, applied);
    } catch (error) {
      await relay.close();
      throw error;
    }
  }

  get hostDir(): string {
    return this.#now.hostDir;
  }

  /** `registry` of buildkitd.toml, for a buildkitd that is started now. */
  forBuildkitd(): AppliedRegistries['buildkit'] {
    this.#running = this.#now.buildkit;
    return this.#running;
  }

  /** Whether the buildkitd that runs was told something else than a new one would be. */
  get isBuildkitStale(): boolean {
    return !isDeepStrictEqual(this.#running, this.#now.buildkit);
  }

  credentials = (host: string): Credentials => this.#now.credentials(host);
  server = (host: string): RegistryServer => this.#now.server(host);
  sources = (host: string): readonly RegistrySource[] => this.#now.sources(host);

  /**
   * Whether the file says of a registry what only we know: BuildKit has no settings for all hosts, and reads those that it has when it
   * starts. Without a host: whether there may be such registries.
   */
  isOursAlone = (host?: string): boolean => {
    const { named, all } = this.#now.speaksOf;
    if (this.isBuildkitStale) return host === undefined || all || named.has(host);
    return all && (host === undefined || !(named.has(host) || host === 'docker.io'));
  };

  /**
   * Reads the file anew. Pull, push, login and CRI follow at once, for containerd reads hosts.toml at every request, and so does what
   * the relay serves. A file that is wrong changes nothing.
   */
  reload(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read());
    return this.#reading;
  }

  async #read(): Promise<void> {
    const { log } = this.#options;
    try {
      const applied = await applyRegistries(this.#file, this.#certsDir, {
        required: this.#options.required ?? false,
        relay: this.#relay,
      });
      for (const warning of applied.warnings) log.warn({}, warning);
      this.#now = applied;
      log.info({ file: this.#file }, 'registries are read anew');
    } catch (err) {
      log.error({ err, file: this.#file }, 'registries stay as they were');
    }
  }

  async close(): Promise<void> {
    await this.#reading;
    await this.#relay.close();
  }
}
