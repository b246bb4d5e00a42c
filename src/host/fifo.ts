/** FIFOs: made without a tool of the host, opened so that nothing of Node ever blocks on them. */
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';

/** The little of node:ffi (Node 26.10, experimental, not in @types/node yet) that is used here. */
interface Ffi {
  dlopen(
    path: null,
    symbols: Record<string, { arguments: readonly string[]; return: string }>,
  ): { functions: Record<string, (...args: unknown[]) => unknown> };
  getInt32(pointer: unknown): number;
}

type MakeFifo = (path: string) => void;

/** Constant for the life of the process: binding it costs 0.3 ms, a call 0.02 ms. Not at import, as nothing happens there. */
let bound: MakeFifo | undefined;

/**
 * Makes a FIFO that only this user may open. Synchronous: it is one system call on a local file system.
 *
 * @throws Error that names the path and the system's error
 */
export function makeFifo(path: string): void {
  bound ??= bindMkfifo() ?? makeFifoByTool;
  bound(path);
}

/** mkfifo(3) of the C library that Node itself is linked with; undefined where this Node has no FFI. */
function bindMkfifo(): MakeFifo | undefined {
  const ffi = loadFfi();
  if (ffi === undefined) return undefined;
  const { functions } = ffi.dlopen(null, {
    mkfifo: { arguments: ['string', 'u32'], return: 'i32' },
    __errno_location: { arguments: [], return: 'pointer' },
  });
  const { mkfifo, __errno_location: errnoLocation } = functions;
  if (mkfifo === undefined || errnoLocation === undefined) return undefined;
  return (path) => {
    if (mkfifo(path, 0o600) !== 0) throw cannotMake(path, errnoName(ffi.getInt32(errnoLocation())));
  };
}

function loadFfi(): Ffi | undefined {
  // Loading it warns that it is experimental. That is our decision and not the user's concern, so exactly this one
  // warning is held back, for the length of a synchronous call.
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return process.getBuiltinModule('node:ffi') as Ffi | undefined;
  } finally {
    process.emitWarning = emitWarning;
  }
}

function makeFifoByTool(path: string): void {
  const { status, error, stderr } = spawnSync('mkfifo', ['-m', '600', '--', path], { encoding: 'utf8' });
  if (status !== 0) throw cannotMake(path, error?.message ?? stderr.trim());
}

function errnoName(errno: number): string {
  return errno > 0 ? getSystemErrorName(-errno) : 'unknown error';
}

function cannotMake(path: string, why: string): Error {
  return new Error(`cannot make the FIFO ${path}: ${why}`);
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
