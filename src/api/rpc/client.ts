/**
 * A gRPC client over node:http2, framed by hand: it loads in a tenth of the time of grpc-js, keeps repeated header fields
 * apart, and writes many messages in one go. Used where start-up or throughput counts: by the client and in a build.
 */
import { Code, K3cError } from '../errors.ts';
import { Call } from './call.ts';
import type { Connection } from './connection.ts';
import type { BidiCall, CallOptions, Client, MethodDefinition, ServiceDefinition } from './types.ts';

export { Connection } from './connection.ts';

/** Opens a call of any kind on a connection. Throws K3cError CANCELLED when its signal is aborted already. */
function openCall<Req, Res>(
  connection: Connection,
  service: ServiceDefinition,
  method: MethodDefinition,
  options: CallOptions = {},
): BidiCall<Req, Res> {
  return new Call<Req, Res>(connection, `/${service.fullName}/${method.name}`, method, options);
}

type Open = () => BidiCall<unknown, unknown>;

/** A call that has sent its one request. */
async function opened(open: Open, request: unknown): Promise<BidiCall<unknown, unknown>> {
  const call = open();
  try {
    await call.send(request);
  } catch (error) {
    call.cancel();
    throw error;
  }
  call.end();
  return call;
}

async function unary(open: Open, request: unknown): Promise<unknown> {
  const call = await opened(open, request);
  let response: unknown;
  for await (const message of call) response = message;
  if (response === undefined) throw new K3cError(Code.INTERNAL, 'the server ended a call without a response');
  return response;
}

async function* serverStream(open: Open, request: unknown): AsyncGenerator<unknown> {
  yield* await opened(open, request);
}

/**
 * The typed client of a service on a connection. Calls reject with K3cError. A server stream is opened when its iteration
 * begins.
 */
export function createClient<S extends ServiceDefinition>(service: S, connection: Connection): Client<S> {
  return clientOf(service, (method, options) => openCall(connection, service, method, options));
}

/** The typed client of a service, whatever its calls go over. */
export function clientOf<S extends ServiceDefinition>(
  service: S,
  openMethod: (method: MethodDefinition, options?: CallOptions) => BidiCall<unknown, unknown>,
): Client<S> {
  const client: Record<string, unknown> = {};
  for (const [key, method] of Object.entries(service.methods)) {
    const open = (options?: CallOptions) => openMethod(method, options);
    if (method.requestStream) client[key] = open;
    else if (method.responseStream)
      client[key] = (request: unknown, options?: CallOptions) => serverStream(() => open(options), request);
    else client[key] = (request: unknown, options?: CallOptions) => unary(() => open(options), request);
  }
  return client as Client<S>;
}
