/** One HTTP request to a registry or its token server. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { RegistryFault, toFault } from './fault.ts';
import type { agentsFor } from './server.ts';

export type Agents = Awaited<ReturnType<typeof agentsFor>>;

export interface ExchangeOptions {
  readonly method?: 'GET' | 'HEAD' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Documents of a registry are small; what is larger is no answer to us. */
const MAX_DOCUMENT = 4 << 20;

/** Sends it and resolves with the head of the answer, whatever its status. Rejects with a RegistryFault, or the abort. */
export function exchange(agents: Agents, url: URL, options: ExchangeOptions = {}): Promise<IncomingMessage> {
  const { method = 'GET', headers = {}, body, signal } = options;
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const call = (secure ? httpsRequest : httpRequest)(
      url,
      { method, headers, agent: secure ? agents.https : agents.http, ...(signal === undefined ? {} : { signal }) },
      resolve,
    );
    call.on('timeout', () => call.destroy(new RegistryFault('timeout', `${url.origin} does not answer`)));
    call.on('error', (error) => reject(toFault(error, url)));
    call.end(body);
  });
}

/** Reads an answer's body to its end. */
export async function readText(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MAX_DOCUMENT) throw new RegistryFault('other', 'the answer is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Reads an answer's body as a JSON object; an empty one when it is none. */
export async function readObject(answer: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const text = await readText(answer);
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // A page of a proxy or a server of another kind. Its status is told by the caller.
    return {};
  }
}
