/** FIFOs: made without a tool of the host, opened so that nothing of Node ever blocks on them. */
import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { mkfifo, setPipeSize } from './libc.ts';

/**
 * What a FIFO holds: four times the kernel's 64 KB, so that both sides switch less often, and so that a process has room
 * while its reader is away. Pages are taken only as they are filled.
 */
const PIPE_BYTES = 256 << 10;

/**
 * Makes a FIFO that only this user may open. Synchronous: it is one system call on a local file system.
 *
 * @throws ErrnoException, EEXIST where something is there
 */
export function makeFifo(path: string): void {
  mkfifo(path, 0o600);
}

/**
 * The reading end, in epoll: a FIFO opened through node:fs would hold one of the four threads of all file operations.
 * There is no end of file before the first writer came and the last one left.
 */
export function openFifoReader(path: string): Socket {
  return wrap(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), { readable: true, writable: false });
}

/** The writing end. Opened for both ways, so that it neither waits for a reader nor fails without one, and no EPIPE ever comes. */
export function openFifoWriter(path: string): Socket {
  return wrap(openSync(path, constants.O_RDWR | constants.O_NONBLOCK), { readable: false, writable: true });
}

function wrap(fd: number, direction: { readable: boolean; writable: boolean }): Socket {
  try {
    // Where it is refused (a user's pages are counted) the usual size does, too.
    setPipeSize(fd, PIPE_BYTES);
    return new Socket({ fd, ...direction });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * Lets readers of a FIFO see that nobody writes any more: the writing end is opened and closed again. Readers that
 * came after the last writer, or before any, get their end of file from it; with a living writer nothing happens.
 */
export function wakeFifoReaders(path: string): void {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch (error) {
    // ENXIO: nobody reads. ENOENT: already taken away.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENXIO' && code !== 'ENOENT') throw error;
  }
}
