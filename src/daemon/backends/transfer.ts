/**
 * containerd's transfer service with its side streams: progress, credentials, and bytes. The protocol is that of
 * containerd v2.4, core/transfer: a stream is registered by a first message with its id, then both sides send Any values.
 */
import { randomUUID } from 'node:crypto';
import { Code, K3cError } from '../../api/errors.ts';
import type { Any } from '../../api/gen/google/protobuf/any.ts';
import { StreamInit } from '../../api/gen/services/streaming/v1/streaming.ts';
import { ImageStore } from '../../api/gen/types/transfer/imagestore.ts';
import { ImageImportStream } from '../../api/gen/types/transfer/importexport.ts';
import { Progress } from '../../api/gen/types/transfer/progress.ts';
import { AuthRequest, AuthResponse, AuthType, OCIRegistry } from '../../api/gen/types/transfer/registry.ts';
import { Data } from '../../api/gen/types/transfer/streaming.ts';
import type { BidiCall, Codec, Metadata } from '../../api/rpc/types.ts';
import type { Containerd } from './containerd.ts';

/** A user with a password, or an identity token alone; undefined for an anonymous request. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string }
  | undefined;

export type TransferProgressEvent = Progress;

/** Where from and where to. */
export type TransferEnd =
  | {
      readonly kind: 'registry';
      readonly reference: string;
      /** A directory of hosts.toml files; empty for none. */
      readonly hostDir: string;
      /** Asked for each host that wants to know who is there. */
      readonly credentials: (host: string) => Credentials;
    }
  | { readonly kind: 'images'; readonly store: Parameters<typeof ImageStore.fromPartial>[0] }
  | { readonly kind: 'archive'; readonly bytes: AsyncIterable<Buffer> };

export interface TransferOptions {
  readonly source: TransferEnd;
  readonly destination: TransferEnd;
  readonly onProgress?: (event: Progress) => void;
  /** Of the lease that the transfer works under. */
  readonly metadata: Metadata;
  readonly signal?: AbortSignal | undefined;
}

/** How long the last progress may take to arrive once the transfer is done. */
const PROGRESS_PATIENCE_MS = 2000;
/** Bytes of one message of an archive. */
const MOST_MESSAGE = 1 << 20;
const LEAST_MESSAGE = 256 << 10;
/** Messages of an archive that are sent before the receiver asks for them. */
const AHEAD = 2;

function pack<T>(type: string, codec: Codec<T>, message: unknown): Any {
  const bytes = codec.encode(codec.fromPartial(message as never)).finish();
  return { typeUrl: type, value: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** Runs one transfer to its end. An abort cancels it on containerd's side too. */
export async function transfer(containerd: Containerd, options: TransferOptions): Promise<void> {
  // Ends the side streams with the transfer, and the transfer when a side stream fails.
  const stop = new AbortController();
  const onAbort = () => stop.abort(options.signal?.reason);
  options.signal?.throwIfAborted();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const sides: Promise<void>[] = [];
  let failure: unknown;
  const follow = (side: Promise<void>) => {
    sides.push(
      side.catch((error: unknown) => {
        if (stop.signal.aborted) return;
        failure = error;
        stop.abort();
      }),
    );
  };
  const open = (prefix: string) => openStream(containerd, prefix, options.metadata, stop.signal);
  try {
    const source = await toAny(options.source, open, follow);
    const destination = await toAny(options.destination, open, follow);
    let progressStream = '';
    let progressed: Promise<void> = Promise.resolve();
    if (options.onProgress !== undefined) {
      const stream = await open('progress');
      progressStream = stream.id;
      progressed = readProgress(stream, options.onProgress);
      follow(progressed);
    }
    await containerd.transfer.transfer(
      { source, destination, options: { progressStream } },
      { metadata: options.metadata, signal: stop.signal },
    );
    await settle(progressed, PROGRESS_PATIENCE_MS);
  } catch (error) {
    throw failure ?? error;
  } finally {
    stop.abort();
    options.signal?.removeEventListener('abort', onAbort);
    await Promise.all(sides);
  }
}

interface SideStream {
  readonly id: string;
  readonly call: BidiCall<Partial<Any>, Any>;
  readonly messages: AsyncIterator<Any>;
}

type Open = (prefix: string) => Promise<SideStream>;

async function openStream(
  containerd: Containerd,
  prefix: string,
  metadata: Metadata,
  signal: AbortSignal,
): Promise<SideStream> {
  const id = `k3c-${prefix}-${randomUUID()}`;
  const call = containerd.streaming.stream({ metadata, signal }) as BidiCall<Partial<Any>, Any>;
  const messages = call[Symbol.asyncIterator]();
  await call.send(pack('containerd.services.streaming.v1.StreamInit', StreamInit, { id }));
  // The empty answer says that the stream can be named now.
  const { done } = await messages.next();
  if (done === true) throw new K3cError(Code.UNAVAILABLE, 'containerd ended a stream before it began');
  return { id, call, messages };
}

async function toAny(end: TransferEnd, open: Open, follow: (side: Promise<void>) => void): Promise<Any> {
  switch (end.kind) {
    case 'registry': {
      const stream = await open('auth');
      follow(answerCredentials(stream, end.credentials));
      return pack('containerd.types.transfer.OCIRegistry', OCIRegistry, {
        reference: end.reference,
        resolver: { authStream: stream.id, hostDir: end.hostDir },
      });
    }
    case 'images':
      return pack('containerd.types.transfer.ImageStore', ImageStore, end.store);
    case 'archive': {
      const stream = await open('archive');
      follow(sendBytes(stream, end.bytes));
      return pack('containerd.types.transfer.ImageImportStream', ImageImportStream, { stream: stream.id });
    }
  }
}

async function readProgress({ messages }: SideStream, onProgress: (event: Progress) => void): Promise<void> {
  for (;;) {
    const { done, value } = await messages.next();
    if (done === true) return;
    onProgress(Progress.decode(value.value));
  }
}

async function answerCredentials({ call, messages }: SideStream, find: (host: string) => Credentials): Promise<void> {
  for (;;) {
    const { done, value } = await messages.next();
    if (done === true) return;
    const found = find(AuthRequest.decode(value.value).host);
    const answer =
      found === undefined
        ? { authType: AuthType.NONE }
        : 'identityToken' in found
          ? { authType: AuthType.REFRESH, secret: found.identityToken }
          : { authType: AuthType.CREDENTIALS, username: found.username, secret: found.password };
    await call.send(pack('containerd.types.transfer.AuthResponse', AuthResponse, answer));
  }
}

/**
 * Sends a message for every window that the receiver opens, and a few ahead. The receiver opens one whenever less than 64 KiB of
 * it are left before it waits for a message, but takes a message of any size (containerd v2.4, core/transfer/streaming). So every
 * message here is larger than that, and is answered by one window: what bounds memory is their number. A source that fails
 * rejects, and so cancels the transfer.
 */
async function sendBytes({ call, messages }: SideStream, bytes: AsyncIterable<Buffer>): Promise<void> {
  let sendable = AHEAD;
  for await (const data of messagesOf(bytes)) {
    while (sendable <= 0) {
      const { done } = await messages.next();
      // The receiver has all it wants (or failed: the transfer's own error says so).
      if (done === true) return;
      sendable++;
    }
    await call.send(pack('containerd.types.transfer.Data', Data, { data }));
    sendable--;
  }
  call.end();
}

/** Pieces of a size between the least and the most of a message; only the last may be smaller. */
export async function* messagesOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const data of bytes) {
    parts.push(data);
    size += data.length;
    if (size < LEAST_MESSAGE) continue;
    let whole = parts.length === 1 ? data : Buffer.concat(parts, size);
    for (; whole.length > MOST_MESSAGE; whole = whole.subarray(MOST_MESSAGE)) yield whole.subarray(0, MOST_MESSAGE);
    const rest = whole.length < LEAST_MESSAGE;
    if (!rest) yield whole;
    parts = rest ? [whole] : [];
    size = rest ? whole.length : 0;
  }
  if (size > 0) yield Buffer.concat(parts, size);
}

/** Waits for a promise, but not for ever: progress is worth no hang. */
async function settle(promise: Promise<void>, patienceMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patienceMs);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
