/** What generated service definitions look like, and the typed calls made from them. */

export interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
  fromPartial(partial: never): T;
}

export interface MethodDefinition {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: message types are recovered by inference in RequestOf and ResponseOf
  readonly requestType: Codec<any>;
  readonly requestStream: boolean;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly responseType: Codec<any>;
  readonly responseStream: boolean;
}

export interface ServiceDefinition {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

type PartialOf<C> = C extends { fromPartial(partial: infer P): unknown } ? P : never;
type MessageOf<C> = C extends { decode(bytes: Uint8Array): infer T } ? T : never;

/** What a caller may pass: every field optional. */
export type RequestInit<M extends MethodDefinition> = PartialOf<M['requestType']>;
export type ResponseInit<M extends MethodDefinition> = PartialOf<M['responseType']>;
export type RequestOf<M extends MethodDefinition> = MessageOf<M['requestType']>;
export type ResponseOf<M extends MethodDefinition> = MessageOf<M['responseType']>;

/** Header or trailer fields in order, names in lower case; a field may repeat. */
export type Metadata = readonly (readonly [name: string, value: string])[];

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly metadata?: Metadata | undefined;
  /** Milliseconds until the call ends with DEADLINE_EXCEEDED. */
  readonly timeoutMs?: number | undefined;
  /** Given the fields that carried the status, error details (`grpc-status-details-bin`) included. */
  readonly onTrailers?: ((fields: Metadata) => void) | undefined;
}

/** A call whose two directions are open at once. Iterate it for the responses; breaking out of the loop cancels it. */
export interface BidiCall<Req, Res> extends AsyncIterable<Res> {
  /** Queues one message; resolves as soon as the transport takes more (back-pressure). */
  send(request: Req): Promise<void>;
  /** Half-close: no more requests follow. */
  end(): void;
  cancel(): void;
}

export type ClientMethod<M extends MethodDefinition> = M['requestStream'] extends true
  ? (options?: CallOptions) => BidiCall<RequestInit<M>, ResponseOf<M>>
  : M['responseStream'] extends true
    ? (request: RequestInit<M>, options?: CallOptions) => AsyncIterable<ResponseOf<M>>
    : (request: RequestInit<M>, options?: CallOptions) => Promise<ResponseOf<M>>;

/** The typed client of a service. Client streams are bidirectional calls that yield one response. */
export type Client<S extends ServiceDefinition> = { readonly [K in keyof S['methods']]: ClientMethod<S['methods'][K]> };

/** What a handler sees of its call. */
export interface ServerCall<Req, Res> {
  readonly metadata: Metadata;
  /** Aborted, with a K3cError, when the caller cancels, its deadline passes, or its connection goes; not by a regular end. */
  readonly signal: AbortSignal;
  /**
   * The requests of a client-streaming or bidirectional call; ends at the caller's half-close. A second loop goes on
   * where the first was left, so that the first message may be taken apart from the rest.
   */
  readonly requests: AsyncIterable<Req>;
  /** Queues one message; resolves as soon as the transport takes more (back-pressure). Rejects when the call is over. */
  send(response: Res): Promise<void>;
}

export type ServerMethod<M extends MethodDefinition> = M['responseStream'] extends true
  ? M['requestStream'] extends true
    ? (call: ServerCall<RequestOf<M>, ResponseInit<M>>) => Promise<void>
    : (request: RequestOf<M>, call: ServerCall<never, ResponseInit<M>>) => Promise<void>
  : M['requestStream'] extends true
    ? (call: ServerCall<RequestOf<M>, never>) => Promise<ResponseInit<M>>
    : (request: RequestOf<M>, call: ServerCall<never, never>) => Promise<ResponseInit<M>>;

/** The handlers of a service, one a method. */
export type Handlers<S extends ServiceDefinition> = {
  readonly [K in keyof S['methods']]: ServerMethod<S['methods'][K]>;
};
