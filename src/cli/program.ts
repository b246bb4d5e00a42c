/** The command line: from arguments to the one command they name, run in its context. */
import { gitCommit, version } from '../api/version.ts';
import type { K3cClient } from '../client/client.ts';
import type { DockerConfig } from '../client/credentials/config.ts';
import type { CommandEntry } from './command.ts';
import type { CommandContext, Host } from './context.ts';
import { CliError, UsageError } from './errors.ts';
import { type Failure, isAbort, reportError, signalExitCode } from './exit.ts';
import { commands } from './list.ts';
import type { Roles } from './roles.ts';

const DEFAULT_ADDRESS = '/run/k3c/k3c.sock';

/**
 * Runs one command line and returns its exit code, with all output handed to the system.
 * @param argv what follows the program's name
 * @param list the commands there are
 */
export async function runCli(
  argv: readonly string[],
  host: Host,
  roles: Roles = {},
  list: readonly CommandEntry[] = commands,
): Promise<number> {
  const failure: { -readonly [K in keyof Failure]: Failure[K] } = {
    words: undefined,
    usage: undefined,
    fallback: 1,
    invokes: false,
  };
  let exitCode: number;
  try {
    exitCode = await dispatch(argv, host, roles, list, failure);
  } catch (error) {
    exitCode = stoppedBy(host, error) ?? reportError(error, failure, host.stderr);
  }
  await host.flush();
  // An output that was closed, noticed only while it was flushed.
  return host.signal.reason === 'SIGPIPE' ? signalExitCode('SIGPIPE') : exitCode;
}

async function dispatch(
  argv: readonly string[],
  host: Host,
  roles: Roles,
  list: readonly CommandEntry[],
  failure: { -readonly [K in keyof Failure]: Failure[K] },
): Promise<number> {
  failure.usage = 'Usage:  k3c [OPTIONS] COMMAND [ARG...]';
  const globals = readGlobals(argv);
  failure.usage = undefined;
  if (globals.version) {
    host.stdout.write(`k3c version ${version}, build ${gitCommit}\n`);
    return 0;
  }
  let rest = globals.rest;
  let help = globals.help;
  if (rest[0] === 'help') {
    rest = rest.slice(1);
    help = true;
  }
  const { Command } = await import('commander');
  const columns = host.terminal.size().columns;
  if (rest.length === 0) {
    const { rootText } = await import('./root-help.ts');
    (help ? host.stdout : host.stderr).write(rootText(list, columns));
    return 0;
  }
  const found = find(list, rest);
  if (found === undefined) {
    const { groupText, isGroup } = await import('./root-help.ts');
    if (isGroup(rest[0])) {
      failure.words = rest[0];
      failure.usage = `Usage:  k3c ${rest[0]}`;
    }
    const text = groupText(list, rest);
    if (text === undefined && help) throw new CliError(`unknown help topic: ${rest.join(' ')}`);
    if (text === undefined) throw new UsageError(`unknown command: k3c ${rest[0]}`, { exitCode: 1, named: true });
    (asksHelp(help, rest) ? host.stdout : host.stderr).write(text);
    return 0;
  }

  const { entry, words } = found;
  const definition = await entry.load(roles);
  const { readArguments, optionValues } = await import('./arguments.ts');
  const { commandHelp, usageLine } = await import('./help.ts');
  failure.words = words;
  failure.usage = usageLine(words, definition);
  failure.fallback = definition.failure ?? 1;
  failure.invokes = definition.invokes ?? false;
  const command = new Command(words).helpOption(false).allowExcessArguments().exitOverride();
  command.configureOutput({ writeErr: () => undefined });
  definition.configure(command);
  const read = readArguments(command, rest.slice(words.split(' ').length), definition.optionsFirst ?? false);
  if (help || read.help) {
    host.stdout.write(commandHelp(words, entry, definition, command, columns));
    return 0;
  }
  const options = optionValues(command, read);
  checkCount(words, read.operands.length, definition.operands);
  await using context = openContext(host, roles, globals.address);
  return await definition.run(context, read.operands, options);
}

interface Globals {
  readonly address: string | undefined;
  readonly version: boolean;
  readonly help: boolean;
  readonly rest: readonly string[];
}

/** Whether a group was asked what it can: docker answers on stdout then, and on stderr where the command is missing. */
function asksHelp(help: boolean, [, word]: readonly string[]): boolean {
  return help || word !== undefined;
}

/** Reads the flags before the command by hand: `--version` answers without loading anything. */
function readGlobals(argv: readonly string[]): Globals {
  let address: string | undefined;
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    if (argument === '--version' || argument === '-v') return { address, version: true, help: false, rest: [] };
    if (argument === '--help' || argument === '-h')
      return { address, version: false, help: true, rest: argv.slice(i + 1) };
    const match = /^(?:--address|--host|-H)(?:=(.*))?$/s.exec(argument) ?? /^-H(.+)$/s.exec(argument);
    if (match === null) {
      if (!argument.startsWith('-') || argument === '-') {
        return { address, version: false, help: false, rest: argv.slice(i) };
      }
      throw new UsageError(
        argument.startsWith('--')
          ? `unknown flag: ${argument.replace(/=.*$/s, '')}`
          : `unknown shorthand flag: '${argument[1]}' in ${argument}`,
      );
    }
    const value = match[1] ?? argv[++i];
    if (value === undefined) throw new UsageError(`flag needs an argument: ${argument}`);
    address = value;
  }
  return { address, version: false, help: false, rest: [] };
}

/** The command that the arguments begin with; its longest form wins. */
function find(list: readonly CommandEntry[], argv: readonly string[]) {
  for (const words of [argv.slice(0, 2).join(' '), argv[0] ?? '']) {
    const entry = list.find((candidate) => candidate.words.includes(words));
    if (entry !== undefined) return { entry, words };
  }
  return undefined;
}

/** Docker's sentences for too few and too many operands. */
function checkCount(words: string, count: number, [least, most]: readonly [number, number]): void {
  if (count >= least && count <= most) return;
  const plural = (n: number) => `${n} argument${n === 1 ? '' : 's'}`;
  let rule: string;
  if (most === 0) rule = 'accepts no arguments';
  else if (least === most) rule = `requires ${plural(least)}`;
  else if (count < least) rule = `requires at least ${plural(least)}`;
  else rule = `requires at most ${plural(most)}`;
  throw new UsageError(`'k3c ${words}' ${rule}`, { exitCode: 1, named: true });
}

/** The context of one command; disposing of it ends the connection to the daemon. */
function openContext(host: Host, roles: Roles, flag: string | undefined): CommandContext & AsyncDisposable {
  const address = (flag ?? (host.env['K3C_ADDRESS'] || roles.address || DEFAULT_ADDRESS)).replace(/^unix:\/\//, '');
  let client: Promise<K3cClient> | undefined;
  let config: Promise<DockerConfig> | undefined;
  const inside = address === roles.address ? roles.inside : undefined;
  const connect = roles.connect ?? (async (to) => (await import('../client/client.ts')).connectK3c(to, inside));
  return {
    env: host.env,
    cwd: host.cwd,
    terminal: host.terminal,
    signal: host.signal,
    stdin: () => host.stdin(),
    // Opened only by a command that uses them.
    get stdout() {
      return host.stdout;
    },
    get stderr() {
      return host.stderr;
    },
    onSignal: (listener) => host.onSignal(listener),
    flush: () => host.flush(),
    address,
    client() {
      client ??= connect(address);
      return client;
    },
    dockerConfig() {
      config ??= readDockerConfig(host);
      return config;
    },
    async [Symbol.asyncDispose]() {
      if (client !== undefined) (await client).close();
    },
  };
}

async function readDockerConfig(host: Host): Promise<DockerConfig> {
  const { EMPTY_CONFIG, readConfig } = await import('../client/credentials/config.ts');
  try {
    return await readConfig(host.env);
  } catch (error) {
    host.stderr.write(`WARNING: Error loading config file: ${(error as Error).message}\n`);
    return EMPTY_CONFIG;
  }
}

/** The exit code of a command that was stopped from outside; undefined where it failed by itself. */
function stoppedBy(host: Host, error: unknown): number | undefined {
  const reason: unknown = host.signal.aborted ? host.signal.reason : undefined;
  if (reason === undefined || typeof reason !== 'string') return undefined;
  return isAbort(error) || error === reason ? signalExitCode(reason as NodeJS.Signals) : undefined;
}
