/** A service of byte strings, and servers for it: what the tests of our gRPC and of the gateway call. */
import { mkdtemp, rm } from 'node:fs/promises';
import { performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Code, hasCode, K3cError } from '../../src/api/errors.ts';
import { Connection, createClient } from '../../src/api/rpc/client.ts';
import { RpcServer } from '../../src/api/rpc/server.ts';
import type { Handlers } from '../../src/api/rpc/types.ts';

/** A message that is its own encoding; `{ data }` because a codec's messages are objects. */
export interface Bytes {
  data: Buffer;
}

const bytes = {
  encode: (message: Bytes) => ({ finish: () => message.data }),
  decode: (data: Uint8Array): Bytes => {
    if (data[0] === 0xff) throw new Error('0xff is no message');
    return { data: Buffer.from(data) };
  },
  fromPartial: (partial: { data?: Uint8Array }): Bytes => ({ data: Buffer.from(partial.data ?? Buffer.alloc(0)) }),
};

const method = <Q extends boolean, S extends boolean>(name: string, requestStream: Q, responseStream: S) => ({
  name,
  requestType: bytes,
  requestStream,
  responseType: bytes,
  responseStream,
});

/** One method of each kind, in a package that the gateway takes for k3c's own. */
export const TestService = {
  fullName: 'k3c.v1.Test',
  methods: {
    unary: method('Unary', false, false),
    down: method('Down', false, true),
    up: method('Up', true, false),
    both: method('Both', true, true),
  },
} as const;

type TestHandlers = Handlers<typeof TestService>;

export interface TestServer {
  readonly path: string;
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  readonly connection: Connection;
  close(): Promise<void>;
}

/** An HTTP/2 server on a unix socket of its own; streams go to `handle`. */
export async function startServer(
  handle: (stream: ServerHttp2Stream, rawHeaders: string[], flags: number) => void,
  options: Parameters<typeof performServerHandshake>[1] = {},
  path?: string,
): Promise<TestServer> {
  const directory = path === undefined ? await mkdtemp('/tmp/k3c-rpc-') : undefined;
  const socketPath = path ?? join(directory ?? '', 's');
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const session = performServerHandshake(socket, { maxHeaderListPairs: 8192, ...options });
    sessions.add(session);
    session.on('error', () => socket.destroy());
    socket.on('error', () => undefined);
    socket.once('close', () => {
      sockets.delete(socket);
      sessions.delete(session);
    });
    session.on('stream', (stream, _headers, flags, raw) => handle(stream, raw as unknown as string[], flags));
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const connection = Connection.unix(socketPath);
  return {
    path: socketPath,
    sessions,
    connection,
    close: async () => {
      connection.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      if (directory !== undefined) await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Servers that a test has started; `closeAll` belongs into its afterEach. */
export class TestServers {
  readonly #servers: TestServer[] = [];

  /** Serves some methods of the service with RpcServer, and counts its open streams. */
  async serve(handlers: Partial<TestHandlers>, onError?: (path: string, error: K3cError) => void) {
    const rpc = new RpcServer(onError).add(TestService, handlers as TestHandlers);
    const streams = new Set<ServerHttp2Stream>();
    const { server, client } = await this.serveRaw((stream, raw) => {
      streams.add(stream);
      stream.once('close', () => streams.delete(stream));
      rpc.handle(stream, raw);
    });
    return { server, client, streams };
  }

  /** Leaves each stream to the test. */
  async serveRaw(handle: (stream: ServerHttp2Stream, raw: string[]) => void) {
    const server = await startServer(handle);
    this.#servers.push(server);
    return { server, client: createClient(TestService, server.connection) };
  }

  async closeAll(): Promise<void> {
    for (const server of this.#servers.splice(0)) await server.close();
  }
}

/** A message of this text. */
export const data = (text: string): Bytes => ({ data: Buffer.from(text) });

/** For assert.rejects: whether an error is a K3cError with this code. */
export const code =
  (expected: Code) =>
  (error: unknown): boolean =>
    error instanceof K3cError && hasCode(error, expected);

/** All that an iterable yields. */
export async function collect(iterable: AsyncIterable<Bytes>): Promise<Buffer[]> {
  const all: Buffer[] = [];
  for await (const { data } of iterable) all.push(data);
  return all;
}

/** Resolves when a condition holds; throws after five seconds. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not so after five seconds: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
