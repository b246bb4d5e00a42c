/**
 * Calls within one process: a client whose calls go straight to a server's handlers. No bytes are encoded and none are
 * copied, so that a command that the daemon does itself has its streams at the speed of memory.
 */
import { Code, K3cError, toK3cError } from '../errors.ts';
import { clientOf } from './client.ts';
import { MessagePipe } from './message-pipe.ts';
import type { RpcServer } from './server.ts';
import type { BidiCall, CallOptions, Client, MethodDefinition, ServerCall, ServiceDefinition } from './types.ts';

/** What setTimeout takes; a longer deadline is none. */
const MAX_TIMER = 0x7fff_ffff;

/**
 * The typed client of a service of this process. It behaves as one over a connection: messages have all fields, failures
 * are K3cErrors, both directions have back-pressure. Bytes fields are shared with the handler and must not be changed once
 * they are sent; a status has no trailers, so `onTrailers` is not called.
 */
export function createLocalClient<S extends ServiceDefinition>(service: S, server: RpcServer): Client<S> {
  return clientOf(service, (method, options) => new LocalCall(server, service, method, options));
}

/** The caller's side of one call. */
class LocalCall implements BidiCall<unknown, unknown> {
  readonly #requests = new MessagePipe();
  readonly #responses = new MessagePipe();
  readonly #controller = new AbortController();
  readonly #method: MethodDefinition;
  readonly #cleanup: () => void;
  #over = false;

  constructor(server: RpcServer, service: ServiceDefinition, method: MethodDefinition, options: CallOptions = {}) {
    const { signal, timeoutMs } = options;
    if (signal?.aborted) throw new K3cError(Code.CANCELLED, 'canceled', { cause: signal.reason });
    this.#method = method;
    const onAbort = () => this.cancel();
    signal?.addEventListener('abort', onAbort, { once: true });
    const onDeadline = () => this.#cut(new K3cError(Code.DEADLINE_EXCEEDED, 'the call took too long'));
    const timer = timeoutMs === undefined ? undefined : setTimeout(onDeadline, Math.min(timeoutMs, MAX_TIMER));
    this.#cleanup = () => {
      signal?.removeEventListener('abort', onAbort);
      clearTimeout(timer);
    };
    const handlerSide: ServerCall<unknown, unknown> = {
      metadata: options.metadata ?? [],
      signal: this.#controller.signal,
      requests: this.#requests,
      send: (response) => this.#answer(response),
    };
    void server.serveLocal(`/${service.fullName}/${method.name}`, handlerSide).then(
      (last) => this.#finish(last),
      (thrown: unknown) => this.#fail(thrown),
    );
  }

  async send(request: unknown): Promise<void> {
    if (this.#over) throw new K3cError(Code.CANCELLED, 'the call is over');
    await this.#requests.push(this.#method.requestType.fromPartial(request as never));
  }

  end(): void {
    this.#requests.end();
  }

  cancel(): void {
    this.#cut(new K3cError(Code.CANCELLED, 'canceled'));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown> {
    let finished = false;
    try {
      for await (const response of this.#responses) yield response;
      finished = true;
    } finally {
      if (!finished) this.cancel();
    }
  }

  async #answer(response: unknown): Promise<void> {
    if (this.#over) throw gone();
    await this.#responses.push(this.#method.responseType.fromPartial(response as never));
  }

  #finish(last: unknown): void {
    if (this.#over) return;
    // Without a room to wait for: it is the last one.
    if (last !== undefined) void this.#responses.push(this.#method.responseType.fromPartial(last as never));
    this.#end();
    this.#responses.end();
  }

  /** As over a connection, the caller learns code, sentence, reason and hint, and not where it came from. */
  #fail(thrown: unknown): void {
    if (this.#over) return;
    const { code, message, reason, hint } = toK3cError(thrown);
    this.#end();
    this.#responses.end(
      new K3cError(code, message, {
        ...(reason ? { reason } : {}),
        ...(hint ? { hint } : {}),
        cause: thrown,
        remote: true,
      }),
    );
  }

  #cut(error: K3cError): void {
    if (this.#over) return;
    this.#end();
    this.#responses.drop(error);
    this.#requests.drop(gone());
    this.#controller.abort(error.code === Code.DEADLINE_EXCEEDED ? error : gone());
  }

  #end(): void {
    this.#over = true;
    this.#cleanup();
    // What nobody will read keeps no sender waiting.
    this.#requests.end();
  }
}

function gone(): K3cError {
  return new K3cError(Code.CANCELLED, 'the caller went away');
}
