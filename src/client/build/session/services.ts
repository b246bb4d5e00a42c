/** The small services of a build session, typed: health, credentials, secrets. */
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Code, K3cError } from '../../../api/errors.ts';
import { AuthDefinition } from '../../../api/gen/github.com/moby/buildkit/session/auth/auth.ts';
import { SecretsDefinition } from '../../../api/gen/github.com/moby/buildkit/session/secrets/secrets.ts';
import type { RpcServer } from '../../../api/rpc/server.ts';
import type { Codec, ServiceDefinition } from '../../../api/rpc/types.ts';
import type { RegistryCredentials } from '../../credentials/lookup.ts';

/** `HealthCheckResponse { status: SERVING }`; the request's service name is of no interest. */
const healthCodec = {
  encode: () => ({ finish: () => Buffer.from([0x08, 0x01]) }),
  decode: (): object => ({}),
  fromPartial: (partial: object): object => partial,
} satisfies Codec<object>;

const HealthDefinition = {
  fullName: 'grpc.health.v1.Health',
  methods: {
    check: {
      name: 'Check',
      requestType: healthCodec,
      requestStream: false,
      responseType: healthCodec,
      responseStream: false,
    },
  },
} as const satisfies ServiceDefinition;

/** Health checks come every five seconds; a session that does not answer them is dropped. */
export function serveHealth(server: RpcServer): void {
  server.add(HealthDefinition, { check: async () => ({}) });
}

/** Looks up what the user has for a registry host, as host[:port]. An abort ends what it has started. */
export type CredentialsLookup = (host: string, signal: AbortSignal) => Promise<RegistryCredentials | undefined>;

/**
 * Registry credentials. We declare ourselves no token authority, so the daemon asks for the credentials and fetches tokens
 * itself: it is the same machine, and its way to the registry is the one that counts.
 */
export function serveAuth(server: RpcServer, lookup: CredentialsLookup): void {
  const none = (code: Code) => async () => {
    throw new K3cError(code, 'tokens are fetched by the builder');
  };
  server.add(AuthDefinition, {
    credentials: async ({ Host }, { signal }) => {
      const found = await lookup(Host, signal);
      if (found === undefined) return {};
      if (found.identityToken !== undefined && found.identityToken !== '') return { Secret: found.identityToken };
      return { Username: found.username, Secret: found.password };
    },
    fetchToken: none(Code.UNIMPLEMENTED),
    // UNAVAILABLE is what makes the daemon go on to Credentials; most other codes fail the build.
    getTokenAuthority: none(Code.UNAVAILABLE),
    verifyTokenAuthority: none(Code.UNAVAILABLE),
  });
}

/** Where a secret comes from. */
export type SecretSource = { readonly file: string } | { readonly value: Uint8Array };

/** BuildKit refuses larger ones; saying so before the build is kinder. */
const SECRET_LIMIT = 500 << 10;

/** Fails early on a secret that cannot be given: no such file, a directory, too large. */
export function checkSecrets(secrets: ReadonlyMap<string, SecretSource>): void {
  for (const [id, source] of secrets) {
    let size = 0;
    if ('value' in source) size = source.value.length;
    else {
      try {
        const stats = statSync(source.file);
        if (stats.isDirectory()) {
          throw new K3cError(Code.INVALID_ARGUMENT, `secret ${id}: ${source.file} is a directory`);
        }
        size = stats.size;
      } catch (error) {
        if (error instanceof K3cError) throw error;
        throw new K3cError(Code.NOT_FOUND, `secret ${id}: cannot read ${source.file}`, { cause: error });
      }
    }
    if (size > SECRET_LIMIT) {
      throw new K3cError(Code.INVALID_ARGUMENT, `secret ${id} has ${size} bytes; at most ${SECRET_LIMIT} are allowed`);
    }
  }
}

/** Hands out secrets by id; the file is read when the step that mounts it runs. */
export function serveSecrets(server: RpcServer, secrets: ReadonlyMap<string, SecretSource>): void {
  server.add(SecretsDefinition, {
    getSecret: async ({ ID }) => {
      const source = secrets.get(ID);
      if (source === undefined) throw new K3cError(Code.NOT_FOUND, `secret ${ID} not found`);
      return { data: Buffer.from('value' in source ? source.value : await readFile(source.file)) };
    },
  });
}
