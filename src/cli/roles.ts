/** What the rooms that the command line may not import lend to it. */
import type { Inside, K3cClient } from '../client/client.ts';
import type { Host } from './context.ts';

export interface Roles {
  /** Loads the daemon, for `k3c daemon`. */
  daemon?(): Promise<DaemonRole>;
  /** The daemon's address where flags and environment name no other; the usual one unless given. */
  readonly address?: string;
  /** What lies behind that address, for commands inside the daemon. */
  readonly inside?: Inside;
  /** The path of k3c-files, which reads and writes the user's files as tar, for `k3c cp`. */
  filesHelper?(): Promise<string>;
  /** Dials the daemon; the client of src/client unless given. */
  connect?(address: string): Promise<K3cClient>;
}

export interface DaemonRole {
  /** Its flags: key, what kind of value, and a sentence for help. */
  readonly settings: readonly {
    readonly key: string;
    readonly value: string;
    readonly help: string;
    /** It may be given several times; the daemon gets what was given with commas between. */
    readonly list?: boolean;
  }[];
  /**
   * Runs the daemon until it is told to stop, and returns its exit code.
   * @param flags what was given on the command line, by key; absent where nothing was, so that config.yaml and the environment count
   */
  run(flags: Readonly<Record<string, string | undefined>>, host: Host): Promise<number>;
}
