/** A gateway before fake daemons, and a bare HTTP/2 client that sees every field and every reset. */
import { mkdtemp, rm } from 'node:fs/promises';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type ServerHttp2Stream } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'node:test';
import { RpcServer } from '../../src/api/rpc/server.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../../src/daemon/gateway/gateway.ts';
import { silentLog } from '../../src/host/log.ts';
import { startServer, type TestServer } from './rpc.ts';

type Handle = (stream: ServerHttp2Stream, rawHeaders: string[], flags: number) => void;

export interface GatewayRig {
  readonly directory: string;
  readonly socketPath: string;
  readonly kubeletPath: string;
  readonly gateway: Gateway;
  readonly rpc: RpcServer;
  /** Starts the fake that answers as containerd or buildkitd. */
  upstream(
    name: 'containerd' | 'buildkitd',
    handle: Handle,
    options?: Parameters<typeof startServer>[1],
  ): Promise<TestServer>;
  /** A client session on the gateway's socket, or on another one. */
  dial(path?: string): ClientHttp2Session;
  close(): Promise<void>;
}

export async function startGateway(options: Partial<GatewayOptions> = {}): Promise<GatewayRig> {
  const directory = await mkdtemp('/tmp/k3c-gw-');
  const socketPath = join(directory, 'k3c.sock');
  const kubeletPath = join(directory, 'kubelet.sock');
  const upstreams = { containerd: join(directory, 'containerd.sock'), buildkitd: join(directory, 'buildkitd.sock') };
  const rpc = new RpcServer();
  const gateway = createGateway({
    socketPath,
    rpc,
    upstreams,
    kubelet: { socketPath: kubeletPath, isOwn: () => false, isPinned: () => false, onPulled: () => undefined },
    log: silentLog,
    ...options,
  });
  await gateway.listen();
  const servers: TestServer[] = [];
  const sessions: ClientHttp2Session[] = [];
  return {
    directory,
    socketPath,
    kubeletPath,
    gateway,
    rpc,
    upstream: async (name, handle, serverOptions) => {
      const server = await startServer(handle, serverOptions, upstreams[name]);
      servers.push(server);
      return server;
    },
    dial: (path = socketPath) => {
      const session = connect('http://localhost', {
        createConnection: () => connectSocket(path),
        maxHeaderListPairs: 8192,
        strictSingleValueFields: false,
        settings: { maxHeaderListSize: 65_535 },
      } as object);
      session.on('error', () => undefined);
      sessions.push(session);
      return session;
    },
    close: async () => {
      for (const session of sessions) session.destroy();
      await gateway.close();
      for (const server of servers) await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A gateway of its own for each test of a file. */
export function gatewayOfEach(): () => GatewayRig {
  let rig: GatewayRig | undefined;
  beforeEach(async () => {
    rig = await startGateway();
  });
  afterEach(() => rig?.close());
  return () => {
    if (rig === undefined) throw new Error('there is a gateway only within a test');
    return rig;
  };
}

/** The path of a call that goes to buildkitd. */
export const BUILDKITD_CALL = '/moby.Test/Call';

/** The fields of a gRPC answer. */
export const RESPONSE_FIELDS: readonly string[] = [':status', '200', 'content-type', 'application/grpc'];

export interface Answer {
  /** Fields of the HEADERS frame, flat, in order. */
  readonly headers: string[];
  /** Whether that frame ended the stream: a trailers-only answer. */
  readonly trailersOnly: boolean;
  readonly body: Buffer;
  readonly trailers: string[];
  /** The code of RST_STREAM, 0 for none. */
  readonly rstCode: number;
}

/** Collects an answer until the stream has closed. */
export function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve) => {
    let headers: string[] = [];
    let trailers: string[] = [];
    let trailersOnly = false;
    const body: Buffer[] = [];
    stream.on('error', () => undefined);
    stream.on('response', (_headers, flags, raw) => {
      headers = raw as unknown as string[];
      trailersOnly = (flags & 1) !== 0;
    });
    stream.on('trailers', (_headers, _flags, raw) => {
      trailers = raw as unknown as string[];
    });
    stream.on('data', (chunk: Buffer) => body.push(chunk));
    stream.on('close', () =>
      resolve({ headers, trailers, trailersOnly, body: Buffer.concat(body), rstCode: stream.rstCode }),
    );
  });
}

/** The fields of a gRPC request, with more of one's own behind them. */
export function requestFields(path: string, ...more: string[]): string[] {
  return [
    ...[':method', 'POST', ':scheme', 'http', ':path', path, ':authority', 'localhost'],
    ...['content-type', 'application/grpc', 'te', 'trailers'],
    ...more,
  ];
}

/** The value of a field in a flat list. */
export function fieldOf(raw: readonly string[], name: string): string | undefined {
  const at = raw.findIndex((item, index) => index % 2 === 0 && item === name);
  return at < 0 ? undefined : raw[at + 1];
}

/** Answers with a body and trailers once the request has ended. */
export function respond(stream: ServerHttp2Stream, body: Buffer, trailers: Record<string, string | string[]>): void {
  stream.respond([...RESPONSE_FIELDS], { waitForTrailers: true, sendDate: false } as object);
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(body);
}
