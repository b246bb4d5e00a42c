/** Starts buildkitd anew where registries.yaml says something else than at its start: it reads its settings only then. */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { BuildCacheCalls } from './backends/buildkitd.ts';
import type { LiveRegistries } from './engine/images/live-registries.ts';
import type { Supervised } from './supervisor/child.ts';

/** How often it is looked whether somebody uses it still. Milliseconds. */
const LOOK_MS = 500;
/** How long it may take to end. Milliseconds. */
const STOP_MS = 10_000;

export interface RenewalOptions {
  readonly registries: Pick<LiveRegistries, 'isBuildkitStale'>;
  readonly buildkitd: Pick<Supervised, 'restart'>;
  /** Whether a build is under way, or anything else that a restart would cut. */
  readonly isUsed: () => boolean;
}

/** Nothing waits for it: while buildkitd is in use, builds go on as they were. Close it. */
export class Renewal {
  readonly #options: RenewalOptions;
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #isOver = false;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** To be called when the file was read anew: looks now, and on for as long as buildkitd is stale and in use. */
  look(): void {
    if (!this.#isLooking) void this.#look();
  }

  close(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    const { registries, buildkitd, isUsed } = this.#options;
    this.#isLooking = !this.#isOver && registries.isBuildkitStale;
    if (!this.#isLooking) return;
    if (!isUsed()) await buildkitd.restart(STOP_MS);
    if (!this.#isOver) this.#timer = setTimeout(() => void this.#look(), LOOK_MS);
  }
}

/** The way to BuildKit of builds that run in the daemon itself; it tells whether there are any. */
export class InnerBuilder {
  readonly #path: () => string;
  #open = 0;

  /** @param path asked for every connection: BuildKit's socket, or the gateway's, which waits while BuildKit is being started anew */
  constructor(path: () => string) {
    this.#path = path;
  }

  get isUsed(): boolean {
    return this.#open > 0;
  }

  readonly dial = (): Duplex => {
    const socket = connect(this.#path());
    this.#open++;
    socket.once('close', () => {
      this.#open--;
    });
    return socket;
  };
}

/** The daemon's own calls of buildkitd for its users: they wait while it is being started anew, and keep it from being so. */
export class OwnCalls {
  readonly buildkitd: BuildCacheCalls;
  #running = 0;

  constructor({ control }: BuildCacheCalls, settled: () => Promise<void>) {
    const begin = async () => {
      await settled();
      this.#running++;
    };
    const end = () => {
      this.#running--;
    };
    this.buildkitd = {
      control: {
        async diskUsage(request, options) {
          await begin();
          return control.diskUsage(request, options).finally(end);
        },
        async *prune(request, options) {
          await begin();
          try {
            yield* control.prune(request, options);
          } finally {
            end();
          }
        },
      },
    };
  }

  get isUsed(): boolean {
    return this.#running > 0;
  }
}
