/** Credential helpers: programs called docker-credential-NAME that keep passwords in a keychain. */
import { Code, K3cError } from '../../api/errors.ts';
import { type RunResult, runProcess } from '../../host/process.ts';
import type { Environment } from './config.ts';
import type { RegistryCredentials } from './credentials.ts';

/** What helpers say on standard output when they know nothing; their protocol has no code for it. */
const NOT_FOUND = 'credentials not found in native keychain';

/** The user name by which a helper says that the secret is an identity token. */
const TOKEN_USER = '<token>';

/** Asks a helper for the credentials of a server; undefined when it has none. An abort ends it, and rejects with its reason. */
export async function askHelper(
  name: string,
  server: string,
  env: Environment,
  signal?: AbortSignal,
): Promise<RegistryCredentials | undefined> {
  const result = await callHelper(name, 'get', server, env, signal);
  const answer = result.stdout.toString('utf8').trim();
  if (result.code !== 0) {
    if (answer === NOT_FOUND) return undefined;
    throw new K3cError(Code.UNAUTHENTICATED, `docker-credential-${name} failed for ${server}: ${answer}`, {
      reason: 'unauthorized',
    });
  }
  const parsed = parse(answer, name);
  if (parsed.Secret === '') return undefined;
  if (parsed.Username === TOKEN_USER) return { username: '', password: '', identityToken: parsed.Secret };
  return { username: parsed.Username, password: parsed.Secret };
}

/** Hands a helper credentials to keep. */
export async function storeWithHelper(
  name: string,
  server: string,
  credentials: RegistryCredentials,
  env: Environment,
): Promise<void> {
  const token = credentials.identityToken;
  const request = {
    ServerURL: server,
    Username: token === undefined ? credentials.username : TOKEN_USER,
    Secret: token ?? credentials.password,
  };
  await must(name, 'store', JSON.stringify(request), env);
}

/** Has a helper forget a server. */
export async function eraseWithHelper(name: string, server: string, env: Environment): Promise<void> {
  await must(name, 'erase', server, env);
}

async function must(name: string, verb: string, input: string, env: Environment): Promise<void> {
  const result = await callHelper(name, verb, input, env);
  if (result.code !== 0) {
    throw new K3cError(
      Code.UNKNOWN,
      `docker-credential-${name} ${verb} failed: ${result.stdout.toString('utf8').trim()}`,
    );
  }
}

async function callHelper(
  name: string,
  verb: string,
  input: string,
  env: Environment,
  signal?: AbortSignal,
): Promise<RunResult> {
  try {
    return await runProcess(`docker-credential-${name}`, [verb], { env, input, signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw new K3cError(Code.NOT_FOUND, `cannot run the credential helper docker-credential-${name}`, {
      hint: 'install it, or take it out of config.json',
      cause: error,
    });
  }
}

function parse(answer: string, name: string): { readonly Username: string; readonly Secret: string } {
  try {
    const { Username, Secret } = JSON.parse(answer) as { Username?: unknown; Secret?: unknown };
    return { Username: String(Username ?? ''), Secret: String(Secret ?? '') };
  } catch {
    // Without the cause: the parser's message would quote the secret.
    throw new K3cError(Code.INTERNAL, `docker-credential-${name} did not answer with JSON`);
  }
}
