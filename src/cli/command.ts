/** What a command is: its words, its flags, and its act. One file under commands/ exports one of these. */
import type { Command, OptionValues } from 'commander';
import type { CommandContext } from './context.ts';
import type { Roles } from './roles.ts';

export interface CommandDefinition<Options extends object = OptionValues> {
  /** What follows the command's words in its usage line, as docker writes it: `[OPTIONS] CONTAINER [CONTAINER...]`. */
  readonly usage: string;
  /** What help says after the summary, where that is not enough. */
  readonly details?: string;
  /** How many operands it takes: least and most. */
  readonly operands: readonly [least: number, most: number];
  /**
   * Whether options end at the first operand, because what follows belongs to a command in a container
   * (`run IMAGE ls -l`). Elsewhere options and operands mix.
   */
  readonly optionsFirst?: boolean;
  /** What a failure exits with when nothing more is known: 125 for run and create, whose failures are named `k3c: …`; else 1. */
  readonly failure?: number;
  /** Whether it runs a command of the user's, so that 126 and 127 tell that this could not be done. */
  readonly invokes?: boolean;
  /**
   * Registers the flags, by the makers of flags/option.ts or commander's own. The values reach `run` under commander's names:
   * `--env-file` as envFile, a `--no-trunc` as `trunc: false`. `--help` is there already. A flag that is not registered is
   * refused by name.
   */
  configure(command: Command): void;
  /** The act. Returns the exit code; throws K3cError for what failed. */
  run(context: CommandContext, operands: readonly string[], options: Options): Promise<number>;
}

/** What an operand names, for completion. `path` is CONTAINER:PATH or a local one. */
export type Completes =
  | 'container'
  | 'running'
  | 'stopped'
  | 'image'
  | 'network'
  | 'volume'
  | 'pod'
  | 'path'
  | 'file'
  | 'none';

/** A command as the list of program.ts knows it, without loading it. */
export interface CommandEntry {
  /** All its forms, the shortest first: `['ps', 'container ls', 'container list', 'container ps']`. */
  readonly words: readonly string[];
  /** One line for help. */
  readonly summary: string;
  /** What its operands name, one after the other; the last stands for all that follow. Absent: nothing to help with. */
  readonly completes?: readonly Completes[];
  /** Left out of help and completion. */
  readonly hidden?: boolean;
  /** Imports its module. */
  load(roles: Roles): Promise<CommandDefinition>;
}
