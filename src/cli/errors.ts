/** What the command line itself finds wrong; failures of the daemon and the client are K3cErrors. */

/** The command line was typed wrong: printed with the usage of its command. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  /** 125 for a flag, 1 for an operand: docker's. */
  readonly exitCode: number;
  /** Whether the sentence stands after the program's name: docker writes flags' errors bare, operands' as `docker: …`. */
  readonly named: boolean;

  constructor(message: string, options: { readonly exitCode?: number; readonly named?: boolean } = {}) {
    super(message);
    this.exitCode = options.exitCode ?? 125;
    this.named = options.named ?? false;
  }
}

/** A command ends with this code and nothing more to say: everything was printed already. */
export class ExitError extends Error {
  override readonly name = 'ExitError';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** A sentence for the user, found out on this side. */
export class CliError extends Error {
  override readonly name = 'CliError';
  /** What the command exits with; undefined: the command's usual failure, and printed as its failures are. */
  readonly exitCode: number | undefined;

  /** @param options.exitCode for docker's few errors of run that stand bare and do not exit with 125 */
  constructor(message: string, options: { readonly exitCode?: number; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode;
  }
}
