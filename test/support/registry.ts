/** Debian's docker-registry (distribution 2.8) on loopback, with its own configuration, storage and port. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface RegistryOptions {
  /** Where configuration, certificate and storage go; made when missing. */
  readonly directory: string;
  /** Asks for this user by HTTP basic authentication. */
  readonly user?: { readonly name: string; readonly password: string };
  /** Serves TLS with a certificate of its own that nobody knows. */
  readonly tls?: boolean;
  /** With TLS: wants a client certificate, the one of `client`. */
  readonly clientCertificate?: boolean;
  /** Default: a free one. */
  readonly port?: number;
}

export interface Registry {
  /** host:port */
  readonly address: string;
  /** The certificate file of a registry with TLS. */
  readonly caFile: string;
  /** Of the client certificate that it wants. */
  readonly client: { readonly certFile: string; readonly keyFile: string };
  stop(): Promise<void>;
}

/** Whether the package is installed. */
export async function hasRegistry(): Promise<boolean> {
  try {
    await run('docker-registry', ['--version']);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Starts a registry and waits until it listens. */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const { directory, user } = options;
  await mkdir(join(directory, 'storage'), { recursive: true });
  const address = `127.0.0.1:${options.port ?? (await freePort())}`;
  const caFile = join(directory, 'cert.pem');
  const client = { certFile: join(directory, 'client.pem'), keyFile: join(directory, 'client-key.pem') };
  const http: Record<string, unknown> = { addr: address };
  if (options.tls) {
    const key = join(directory, 'key.pem');
    const subject = ['-subj', '/CN=k3c test', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
    const certificate = (keyFile: string, certFile: string, words: readonly string[]) =>
      run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', keyFile, '-out', certFile, ...words]);
    await certificate(key, caFile, subject);
    if (options.clientCertificate) {
      await certificate(client.keyFile, client.certFile, ['-subj', '/CN=k3c client', '-days', '2']);
    }
    http['tls'] = { certificate: caFile, key, ...(options.clientCertificate && { clientcas: [client.certFile] }) };
  }
  const auth: Record<string, unknown> = {};
  if (user !== undefined) {
    const path = join(directory, 'htpasswd');
    await writeFile(path, await htpasswd(user.name, user.password));
    auth['htpasswd'] = { realm: 'k3c', path };
  }
  const config = {
    version: '0.1',
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: join(directory, 'storage') }, delete: { enabled: true } },
    http,
    ...(user !== undefined && { auth }),
  };
  const file = join(directory, 'config.yml');
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config));
  const child = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
  const trust = options.tls === true ? ['--cacert', caFile] : [];
  const show = options.clientCertificate === true ? ['--cert', client.certFile, '--key', client.keyFile] : [];
  await listening(address, child, options.tls === true ? 'https' : 'http', [...trust, ...show]);
  return {
    address,
    caFile,
    client,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

async function listening(address: string, child: ChildProcess, scheme: string, tls: readonly string[]): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (child.exitCode !== null) throw new Error('docker-registry ended at its start');
    try {
      await run('curl', ['-s', '-o', '/dev/null', '--noproxy', '*', ...tls, `${scheme}://${address}/v2/`]);
      return;
    } catch {
      // Not yet.
      await sleep(50);
    }
  }
  child.kill('SIGKILL');
  throw new Error(`docker-registry does not answer on ${address}`);
}

/** A line of an htpasswd file; distribution takes bcrypt alone. */
async function htpasswd(name: string, password: string): Promise<string> {
  const { stdout } = await run('htpasswd', ['-nbBC', '4', name, password]);
  return `${stdout.trim()}\n`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
