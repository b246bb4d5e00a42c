/** A registry that is for those with a token (distribution's specs/auth/token.md and oauth.md), in front of an open one. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

export interface TokenGuard {
  /** host:port */
  readonly address: string;
  stop(): Promise<void>;
}

const TOKEN = 'opens-for-a-while';

/** Starts it. Its token server takes this identity token, and no user with a password. */
export async function startTokenGuard(behind: string, identityToken: string): Promise<TokenGuard> {
  const server = createServer((asked, answer) => {
    serve(asked, answer).catch(() => answer.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function serve(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    if (asked.url?.startsWith('/token')) {
      const form = new URLSearchParams(asked.method === 'POST' ? await text(asked) : '');
      const isRight = form.get('grant_type') === 'refresh_token' && form.get('refresh_token') === identityToken;
      answer.writeHead(isRight ? 200 : 401, { 'content-type': 'application/json' });
      answer.end(isRight ? JSON.stringify({ access_token: TOKEN }) : '{}');
      return;
    }
    if (asked.headers.authorization !== `Bearer ${TOKEN}`) {
      const scope = asked.url === '/v2/' ? '' : ',scope="repository:any:pull"';
      answer
        .writeHead(401, { 'www-authenticate': `Bearer realm="http://${address}/token",service="guard"${scope}` })
        .end();
      return;
    }
    const { host: _host, authorization: _authorization, ...headers } = asked.headers;
    const passed = request(`http://${behind}${asked.url}`, { method: asked.method ?? 'GET', headers });
    asked.pipe(passed);
    const [found] = (await once(passed, 'response')) as [IncomingMessage];
    answer.writeHead(found.statusCode ?? 502, found.headers);
    await pipeline(found, answer);
  }

  return {
    address,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
