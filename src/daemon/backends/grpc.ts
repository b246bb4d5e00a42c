/**
 * Typed promise clients over @grpc/grpc-js. The daemon keeps one channel to each child; grpc-js reconnects it when the
 * child comes back.
 */
import {
  connectivityState,
  credentials,
  type CallOptions as GrpcCallOptions,
  Client as GrpcClient,
  Metadata as GrpcMetadata,
} from '@grpc/grpc-js';
import { Code, K3cError, toK3cError } from '../../api/errors.ts';
import type { BidiCall, CallOptions, Client, MethodDefinition, ServiceDefinition } from '../../api/rpc/types.ts';

/** A child that was restarted must be reached again within its own start-up time, not after grpc-js' default of minutes. */
const channelOptions = {
  'grpc.initial_reconnect_backoff_ms': 20,
  'grpc.min_reconnect_backoff_ms': 20,
  'grpc.max_reconnect_backoff_ms': 250,
  'grpc.max_receive_message_length': 64 << 20,
  'grpc.max_send_message_length': 64 << 20,
  'grpc-node.flow_control_window': 8 << 20,
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
};

/** A channel to a unix socket. Nothing is dialled before the first call. */
export class Channel {
  readonly #client: GrpcClient;
  readonly #metadata: Readonly<Record<string, string>>;

  readonly #name: string;

  /**
   * @param name of the child, for errors
   * @param metadata sent with every call, e.g. containerd-namespace
   */
  constructor(name: string, socketPath: string, metadata: Readonly<Record<string, string>> = {}) {
    this.#name = name;
    this.#client = new GrpcClient(`unix://${socketPath}`, credentials.createInsecure(), channelOptions);
    this.#metadata = metadata;
  }

  close(): void {
    this.#client.close();
  }

  /** Whether there is a connection; false as well after a long time without calls. */
  get isConnected(): boolean {
    return this.#client.getChannel().getConnectivityState(false) === connectivityState.READY;
  }

  /** Connects. Resolves when that is done, or when the time is over: a call then says what is wrong. */
  connected(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#client.waitForReady(Date.now() + timeoutMs, () => resolve());
    });
  }

  /** The typed client of a service on this channel. Calls reject with K3cError. */
  client<S extends ServiceDefinition>(service: S): Client<S> {
    const client: Record<string, unknown> = {};
    for (const [key, method] of Object.entries(service.methods)) {
      const path = `/${service.fullName}/${method.name}`;
      if (method.requestStream) client[key] = (options?: CallOptions) => this.#stream(path, method, options ?? {});
      else if (method.responseStream)
        client[key] = (request: unknown, options?: CallOptions) =>
          this.#serverStream(path, method, request, options ?? {});
      else client[key] = (request: unknown, options?: CallOptions) => this.#unary(path, method, request, options ?? {});
    }
    return client as Client<S>;
  }

  #prepare(options: CallOptions): { metadata: GrpcMetadata; grpc: GrpcCallOptions } {
    const metadata = new GrpcMetadata();
    for (const [name, value] of Object.entries(this.#metadata)) metadata.set(name, value);
    for (const [name, value] of options.metadata ?? []) metadata.add(name, value);
    return { metadata, grpc: options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs } };
  }

  /**
   * Unreachable is the one thing that a child cannot say itself; grpc-js then speaks of connections and resolution. What a
   * child says (of a registry, say) came with header fields.
   */
  #told(thrown: unknown): K3cError {
    const error = toK3cError(thrown);
    const { metadata } = thrown as { readonly metadata?: unknown };
    const isLocal = metadata instanceof GrpcMetadata && Object.keys(metadata.getMap()).length === 0;
    if (error.code !== Code.UNAVAILABLE || !isLocal) return error;
    return new K3cError(Code.UNAVAILABLE, `${this.#name} cannot be reached`, {
      hint: 'the daemon starts it again by itself: try again in a moment, or see its log',
      cause: error,
    });
  }

  #unary(path: string, method: MethodDefinition, request: unknown, options: CallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (options.signal?.aborted) {
        reject(new K3cError(Code.CANCELLED, 'canceled'));
        return;
      }
      const { metadata, grpc } = this.#prepare(options);
      const call = this.#client.makeUnaryRequest(
        path,
        serializer(method),
        method.responseType.decode,
        request,
        metadata,
        grpc,
        (error, response) => {
          options.signal?.removeEventListener('abort', onAbort);
          if (error) reject(this.#told(error));
          else resolve(response);
        },
      );
      const onAbort = () => call.cancel();
      options.signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #stream(path: string, method: MethodDefinition, options: CallOptions): BidiCall<unknown, unknown> {
    options.signal?.throwIfAborted();
    const { metadata, grpc } = this.#prepare(options);
    const call = this.#client.makeBidiStreamRequest(
      path,
      serializer(method),
      method.responseType.decode,
      metadata,
      grpc,
    );
    const onAbort = () => call.cancel();
    options.signal?.addEventListener('abort', onAbort, { once: true });
    const forget = () => options.signal?.removeEventListener('abort', onAbort);
    const told = (error: unknown) => this.#told(error);
    // Errors reach whoever iterates; a call that nobody iterates must not bring the daemon down.
    call.on('error', forget);
    call.once('end', forget);
    return {
      send: (request) =>
        new Promise((resolve, reject) => {
          call.write(request, (error: unknown) => (error ? reject(told(error)) : resolve()));
        }),
      end: () => call.end(),
      cancel: () => call.cancel(),
      async *[Symbol.asyncIterator]() {
        try {
          for await (const response of call) yield response as unknown;
        } catch (error) {
          throw told(error);
        } finally {
          forget();
          call.cancel();
        }
      },
    };
  }

  async *#serverStream(
    path: string,
    method: MethodDefinition,
    request: unknown,
    options: CallOptions,
  ): AsyncGenerator<unknown> {
    options.signal?.throwIfAborted();
    const { metadata, grpc } = this.#prepare(options);
    const call = this.#client.makeServerStreamRequest(
      path,
      serializer(method),
      method.responseType.decode,
      request,
      metadata,
      grpc,
    );
    const onAbort = () => call.cancel();
    options.signal?.addEventListener('abort', onAbort, { once: true });
    try {
      for await (const response of call) yield response as unknown;
    } catch (error) {
      throw this.#told(error);
    } finally {
      options.signal?.removeEventListener('abort', onAbort);
      call.cancel();
    }
  }
}

function serializer(method: MethodDefinition): (request: unknown) => Buffer {
  const { requestType } = method;
  return (request) => {
    const bytes = requestType.encode(requestType.fromPartial(request as never)).finish();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}
