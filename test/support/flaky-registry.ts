/** A registry whose answers break off, or are refused, as the test wishes: a proxy before another one. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FlakyRegistry {
  /** host:port */
  readonly address: string;
  /** Cuts the connection after so many bytes of a blob's answer; undefined: never. Asked for every blob. */
  cut: (digest: string, range: string | undefined) => number | undefined;
  /** Answers with this status and nothing else; undefined: passes the request on. Asked for every request. */
  refuse: (url: string) => number | undefined;
  /** The blobs that were asked for, with the `range` of the request. */
  readonly blobs: { readonly digest: string; readonly range: string | undefined }[];
  stop(): Promise<void>;
}

/** Starts it on a free port. */
export async function startFlakyRegistry(behind: string): Promise<FlakyRegistry> {
  const server = createServer((asked, answer) => {
    serve(asked, answer).catch(() => answer.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const registry: FlakyRegistry = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => undefined,
    refuse: () => undefined,
    blobs: [],
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };

  async function serve(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const url = asked.url ?? '';
    const status = registry.refuse(url);
    if (status !== undefined) {
      answer.writeHead(status).end();
      return;
    }
    const { host: _host, ...headers } = asked.headers;
    const passed = request(`http://${behind}${url}`, { method: asked.method ?? 'GET', headers });
    asked.pipe(passed);
    const [found] = (await once(passed, 'response')) as [IncomingMessage];
    answer.writeHead(found.statusCode ?? 502, found.headers);
    const digest = asked.method === 'GET' ? /\/blobs\/(sha256:[0-9a-f]{64})/.exec(url)?.[1] : undefined;
    let left = Number.POSITIVE_INFINITY;
    if (digest !== undefined) {
      const { range } = asked.headers;
      registry.blobs.push({ digest, range });
      left = registry.cut(digest, range) ?? left;
    }
    for await (const chunk of found as AsyncIterable<Buffer>) {
      const part = chunk.subarray(0, left);
      left -= part.length;
      if (!answer.write(part)) await once(answer, 'drain');
      if (left > 0) continue;
      // What was written goes out first.
      await new Promise<void>((resolve) => answer.write('', () => resolve()));
      answer.destroy();
      found.destroy();
      return;
    }
    answer.end();
  }

  return registry;
}
