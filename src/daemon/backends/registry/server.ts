/** A registry as a server: where it is, and how it is trusted. */
import { readFile } from 'node:fs/promises';
import { type Agent, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { rootCertificates } from 'node:tls';

export interface RegistryServer {
  /** http, https, or either: on loopback a server may be a plain one, and TLS proves nothing there. */
  readonly scheme: 'http' | 'https' | 'either';
  /** host or host:port */
  readonly host: string;
  /** Of its API, without a slash at its end: /v2 for most. */
  readonly path: string;
  readonly tls?: RegistryServerTls | undefined;
}

export interface RegistryServerTls {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly insecureSkipVerify: boolean;
}

/** How long a server may take to accept a connection or to go on with an answer. */
const PATIENCE_MS = 30_000;

/** Connections for http and https with the server's TLS settings; proxies of the environment are used. Destroy both. */
export async function agentsFor(
  server: RegistryServer,
  proxyEnv: NodeJS.ProcessEnv = process.env,
): Promise<{ readonly http: Agent; readonly https: HttpsAgent }> {
  const { tls, scheme } = server;
  const read = async (path: string | undefined) => (path === undefined ? undefined : await readFile(path));
  const [ca, cert, key] = await Promise.all([read(tls?.caFile), read(tls?.certFile), read(tls?.keyFile)]);
  const common = { keepAlive: true, timeout: PATIENCE_MS, proxyEnv };
  return {
    http: new HttpAgent(common),
    https: new HttpsAgent({
      ...common,
      // An authority that is named is one more, as it is for containerd and BuildKit.
      ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      rejectUnauthorized: tls?.insecureSkipVerify !== true && scheme !== 'either',
    }),
  };
}
