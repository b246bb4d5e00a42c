/**
 * Sockets for a relay. They read into buffers that go round: with a new one for every read the reads take most of the time.
 * And they take all that was read in one write: with the usual 208 kB of the kernel it is three, with a wait between them.
 */
import { type OnReadOpts, Socket } from 'node:net';
import { setSendBuffer } from '../../host/libc.ts';
import { RELAY_READ, RELAY_SEND } from './settings.ts';

/** Takes what was read; false pauses. The bytes may be used until `release` is called. */
export type OnBytes = (bytes: Buffer, release: () => void) => boolean;

/** The `onread` of a socket (https://nodejs.org/api/net.html#new-netsocketoptions). */
export function intoBuffers(onBytes: OnBytes): OnReadOpts {
  const free: Buffer[] = [];
  let current: Buffer = Buffer.alloc(0);
  return {
    buffer: () => {
      current = free.pop() ?? Buffer.allocUnsafeSlow(RELAY_READ);
      return current;
    },
    callback: (length) => {
      const buffer = current;
      return onBytes(buffer.subarray(0, length), () => free.push(buffer));
    },
  };
}

/** What node:net keeps of an open socket. It has no public way to say `onread` for one that was accepted. */
interface WithHandle {
  _handle: { readonly fd: number } | null;
}

/** Has a connected socket hold as much as a relay writes. Where the kernel refuses, it is slower and works all the same. */
export function widen(socket: Socket): void {
  const handle = (socket as unknown as WithHandle)._handle;
  if (handle !== null && handle.fd >= 0) setSendBuffer(handle.fd, RELAY_SEND);
}

/**
 * Moves an accepted, paused socket into one that reads as `onread` says; the old one closes without touching the connection.
 *
 * @returns the new socket, and what the old one had read already; undefined when the connection has gone
 */
export function moved(
  socket: Socket,
  onread: OnReadOpts,
): { readonly socket: Socket; readonly rest: Buffer } | undefined {
  const old = socket as unknown as WithHandle;
  const handle = old._handle;
  if (handle === null || socket.destroyed || socket.readableEnded || socket.writableLength > 0) return undefined;
  const rest = (socket.read() as Buffer | null) ?? Buffer.alloc(0);
  old._handle = null;
  const options = { handle, onread, readable: true, writable: true };
  const next = new Socket(options as object);
  socket.destroy();
  widen(next);
  return { socket: next, rest };
}
