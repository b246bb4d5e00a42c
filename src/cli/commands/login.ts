/** `k3c login` */
import { Code, hasCode, K3cError } from '../../api/errors.ts';
import { type DockerConfig, readConfig } from '../../client/credentials/config.ts';
import { credentialsKey, DOCKER_HUB_KEY, hostOf, lookupCredentials } from '../../client/credentials/lookup.ts';
import { storeCredentials, whereKept } from '../../client/credentials/store.ts';
import type { CommandDefinition } from '../command.ts';
import type { CommandContext } from '../context.ts';
import { CliError, ExitError } from '../errors.ts';
import { flag, value } from '../flags/option.ts';
import { Prompt } from '../prompt.ts';
import { toAuth } from '../transfer.ts';

interface LoginFlags {
  readonly username?: string;
  readonly password?: string;
  readonly passwordStdin?: boolean;
}

/** The name by which the daemon knows Docker Hub. */
const HUB = 'docker.io';

export const login: CommandDefinition<LoginFlags> = {
  usage: '[OPTIONS] [SERVER]',
  details: 'If no server is specified, it is Docker Hub.',
  operands: [0, 1],
  configure(command) {
    command.addOption(value('-p, --password <string>', 'Password'));
    command.addOption(flag('--password-stdin', 'Take the password from stdin'));
    command.addOption(value('-u, --username <string>', 'Username'));
  },
  async run(context, [named = ''], flags) {
    const { username, password } = await given(context, flags);
    // Before anybody is asked: what is wrong with the file is not to be met when it is written.
    const config = await readConfig(context.env);
    const host = named === '' ? HUB : hostOf(named);
    const key = credentialsKey(host);
    if (username === '' && password === '' && (await again(context, host, config))) return 0;
    const credentials = await ask(context, { username, password, isHub: key === DOCKER_HUB_KEY });
    const identityToken = await attempt(context, host, credentials);
    const kept = identityToken === '' ? credentials : { username: credentials.username, password: '', identityToken };
    const { plainIn } = await whereKept(key, kept, context.env);
    if (plainIn !== undefined) context.stderr.write(unencrypted(plainIn));
    await storeCredentials(key, kept, context.env);
    context.stdout.write('Login Succeeded\n');
    return 0;
  },
};

/** What flags and, with --password-stdin, standard input say. */
async function given(context: CommandContext, flags: LoginFlags): Promise<{ username: string; password: string }> {
  const { username = '', password = '' } = flags;
  if (password !== '') {
    context.stderr.write('WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n');
    if (flags.passwordStdin === true) throw new CliError('--password and --password-stdin are mutually exclusive');
  }
  if (flags.passwordStdin !== true) return { username, password };
  if (username === '') throw new CliError('Must provide --username with --password-stdin');
  const parts: Buffer[] = [];
  for await (const part of context.stdin()) parts.push(Buffer.from(part as Buffer));
  const text = Buffer.concat(parts).toString('utf8');
  return { username, password: text.replace(/\n$/, '').replace(/\r$/, '') };
}

/** Tries what is kept from an earlier login. Returns whether that was enough; a registry that refuses it is told of. */
async function again(context: CommandContext, host: string, config: DockerConfig): Promise<boolean> {
  const known = await lookupCredentials(host, config, context.env, context.signal);
  if (known === undefined) return false;
  context.stdout.write('Authenticating with existing credentials...\n');
  try {
    await attempt(context, host, known);
  } catch (error) {
    if (!hasCode(error, Code.UNAUTHENTICATED)) throw error;
    context.stderr.write(`Login did not succeed, error: ${(error as Error).message}\n`);
    return false;
  }
  context.stdout.write('Login Succeeded\n');
  return true;
}

async function ask(context: CommandContext, known: { username: string; password: string; isHub: boolean }) {
  let username = known.username.trim();
  let { password } = known;
  if (password === '' && !context.terminal.isTty.stdin) {
    throw new CliError('Error: Cannot perform an interactive login from a non TTY device');
  }
  const prompt = new Prompt(context);
  try {
    if (username === '') {
      if (known.isHub) {
        context.stdout.write('Login with your Docker ID to push and pull images from Docker Hub.\n');
      }
      username = (await prompt.line('Username: ')).trim();
    }
    if (username === '') throw new CliError('Error: Non-null Username Required');
    if (password === '') password = await prompt.secret('Password: ');
    if (password === '') throw new CliError('Error: Password Required');
    return { username, password };
  } catch (error) {
    // ^C at a question, as a shell tells it.
    if (error instanceof K3cError && error.code === Code.CANCELLED && !context.signal.aborted) throw new ExitError(130);
    throw error;
  } finally {
    prompt.close();
  }
}

/** Has the daemon try them; from there the registry is reached in the end. Returns an identity token, or nothing. */
async function attempt(
  context: CommandContext,
  server: string,
  credentials: NonNullable<Awaited<ReturnType<typeof lookupCredentials>>>,
): Promise<string> {
  const client = await context.client();
  const { identityToken } = await client.images.login(
    { server, auth: toAuth(credentials) },
    { signal: context.signal },
  );
  return identityToken;
}

function unencrypted(path: string): string {
  return `WARNING! Your password will be stored unencrypted in ${path}.
Configure a credential helper to remove this warning. See
https://docs.docker.com/engine/reference/commandline/login/#credentials-store

`;
}
