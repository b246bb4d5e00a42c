/**
 * The gateway: k3c's own API, CRI, containerd and BuildKit on one socket, and the kubelet's view of it on a second one.
 * It knows services by the prefix of their names and passes everything else on as it came.
 */
import { constants, type ServerHttp2Stream } from 'node:http2';
import { Code, K3cError, toK3cError } from '../../api/errors.ts';
import { type RpcServer, refuse } from '../../api/rpc/server.ts';
import type { Log } from '../../host/log.ts';
import { forward, type Rewrite } from './forward.ts';
import { type KubeletView, kubeletRewrite } from './kubelet-view.ts';
import { Listener } from './listener.ts';
import { field, routeFields } from './route.ts';
import { Upstream } from './upstream.ts';

export interface GatewayOptions {
  readonly socketPath: string;
  /** Owns the sockets where it exists; their mode is 0660. */
  readonly group?: string | undefined;
  /** Serves k3c.v1 on the gateway's own streams. */
  readonly rpc: RpcServer;
  /** The daemons' private sockets. */
  readonly upstreams: { readonly containerd: string; readonly buildkitd: string };
  /** Resolves when buildkitd is not just being started anew: what is for it waits so long. */
  readonly buildkitdSettled?: () => Promise<void>;
  /** A second socket for a kubelet, which is shown only what is not k3c's. */
  readonly kubelet?: ({ readonly socketPath: string } & KubeletView) | undefined;
  readonly log: Log;
  /** Milliseconds that a new connection may stay silent; 10,000 unless given. */
  readonly prefaceTimeoutMs?: number | undefined;
}

export interface Gateway {
  /** Whether anybody speaks with buildkitd through the gateway. */
  usesBuildkitd(): boolean;
  /** Opens the sockets. An abort while it does so closes them again. Errors: those of listenUnix. */
  listen(signal?: AbortSignal): Promise<void>;
  /** Takes nothing new, lets calls under way end for at most this long, then closes. */
  drain(timeoutMs: number): Promise<void>;
  /** Cuts everything and removes the sockets. Safe to call at any time. */
  close(): Promise<void>;
}

/** Nothing is opened before `listen`. */
export function createGateway(options: GatewayOptions): Gateway {
  const { log, group } = options;
  const upstreams = {
    containerd: new Upstream('containerd', options.upstreams.containerd, log),
    buildkitd: new Upstream('buildkitd', options.upstreams.buildkitd, log, options.buildkitdSettled),
  };
  const relayTo = {
    containerd: { path: options.upstreams.containerd },
    buildkitd: { path: options.upstreams.buildkitd, settled: options.buildkitdSettled },
  };
  const handler = (rewriteOf: (path: string, rawHeaders: readonly string[]) => Rewrite | undefined) => {
    return (stream: ServerHttp2Stream, rawHeaders: readonly string[], ended: boolean): void => {
      const path = field(rawHeaders, ':path') ?? '';
      const destination = routeFields(rawHeaders);
      if (destination === undefined) {
        refuse(stream, new K3cError(Code.UNIMPLEMENTED, `no service of k3c, containerd or buildkitd has ${path}`));
      } else if (destination === 'k3c') options.rpc.handle(stream, rawHeaders);
      else pass(stream, upstreams[destination], rawHeaders, ended, rewriteOf(path, rawHeaders));
    };
  };
  const listeners = [
    {
      path: options.socketPath,
      listener: new Listener(
        handler(() => undefined),
        log,
        options.prefaceTimeoutMs,
        relayTo,
      ),
    },
  ];
  const { kubelet } = options;
  if (kubelet !== undefined) {
    const view = handler((path) => kubeletRewrite(path, kubelet));
    listeners.push({ path: kubelet.socketPath, listener: new Listener(view, log, options.prefaceTimeoutMs) });
  }
  const close = async () => {
    await Promise.all(listeners.map(({ listener }) => listener.close()));
    for (const upstream of Object.values(upstreams)) upstream.close();
  };
  return {
    usesBuildkitd: () =>
      upstreams.buildkitd.calls > 0 || listeners.some(({ listener }) => listener.relaysTo('buildkitd')),
    listen: async (signal) => {
      try {
        for (const { path, listener } of listeners) {
          signal?.throwIfAborted();
          await listener.listen({ path, mode: 0o660, group });
        }
        signal?.throwIfAborted();
      } catch (error) {
        await close();
        throw error;
      }
    },
    drain: async (timeoutMs) => {
      await Promise.all(listeners.map(({ listener }) => listener.drain(timeoutMs)));
      await close();
    },
    close,
  };
}

/** Sends a call to a daemon: at once when a connection is up, so that no promise delays it. */
function pass(
  stream: ServerHttp2Stream,
  upstream: Upstream,
  rawHeaders: readonly string[],
  ended: boolean,
  rewrite: Rewrite | undefined,
): void {
  const options = { unavailable: () => upstream.unavailable('went away during the call'), rewrite };
  const headers = rewrite === undefined ? rawHeaders : withoutCompression(rawHeaders);
  const refused = (thrown: unknown) => refuse(stream, toK3cError(thrown));
  try {
    const call = upstream.tryRequest(headers, ended);
    if (call !== undefined) {
      forward(stream, call, options);
      return;
    }
  } catch (error) {
    refused(error);
    return;
  }
  stream.on('error', () => {
    // The caller may go while we connect; its 'close' is looked at below.
  });
  upstream.request(headers, ended).then((call) => {
    if (stream.destroyed || stream.closed) {
      call.stream.on('error', () => undefined);
      call.stream.close(constants.NGHTTP2_CANCEL);
    } else forward(stream, call, options);
  }, refused);
}

/** Answers that are looked into must come uncompressed: gRPC allows what was not offered to be left out. */
function withoutCompression(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i] !== 'grpc-accept-encoding') kept.push(rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '');
  }
  return kept;
}
