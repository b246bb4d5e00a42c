/**
 * The front door: the warm daemon does root's small commands on behalf of the launcher, in half a millisecond instead of
 * the start of a process. Node cannot see who connects, so the socket is for its owner alone.
 */
import { chmod, rename, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { withNest } from '../../host/socket-nest.ts';
import type { Host } from '../context.ts';
import { DoorDecoder, type Frame, frameHead, In, numberFrame, Out } from './frames.ts';
import { type Hello, parseHello } from './hello.ts';
import { DoorHost } from './host.ts';

/** The version of the frames. */
const VERSION = 1;

export interface DoorOptions {
  readonly path: string;
  /** Hex of our own payload's digest, or its beginning: other builds do their commands themselves. */
  readonly digest: string;
  /** Whether a command line, typed in this directory, is done here; others stay with the launcher's own program. */
  readonly takes: (argv: readonly string[], cwd: string, env: Host['env']) => boolean;
  readonly run: (argv: readonly string[], host: Host) => Promise<number>;
}

export interface Door {
  close(): Promise<void>;
}

/** Opens the door. A socket of an earlier daemon is replaced: the caller holds the lock of this state directory. */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    serve(socket, options);
  });
  // Nobody may connect before the socket is private: it is bound in a directory that is, and then renamed to its place. The
  // umask would do as well, but it is the whole process's, and commands make files meanwhile.
  // Inside the directory: beside it may be another file system.
  await withNest(dirname(options.path), async (bound) => {
    try {
      await listen(server, bound);
      await chmod(bound, 0o600);
      await rename(bound, options.path);
    } catch (error) {
      server.close();
      throw error;
    }
  });
  return {
    close: async () => {
      await rm(options.path, { force: true });
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      });
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** One knock: HELLO, ACCEPT, GO, then the command. */
function serve(socket: Socket, options: DoorOptions): void {
  const decoder = new DoorDecoder();
  let hello: Hello | undefined;
  let host: DoorHost | undefined;
  socket.on('error', () => {
    // The launcher went away; 'close' follows.
  });
  socket.once('close', () => host?.gone());
  const onFrame = (frame: Frame) => {
    if (host !== undefined) host.take(frame);
    else if (frame.type === In.HELLO && hello === undefined) {
      const said = parseHello(frame.data);
      if (said !== undefined && isOurs(said, options)) {
        hello = said;
        socket.write(frameHead(Out.ACCEPT, 0));
      } else socket.end(frameHead(Out.DECLINE, 0));
    } else if (frame.type === In.GO && hello !== undefined) {
      host = new DoorHost(hello, socket);
      run(hello, host, socket, options);
    }
  };
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const frame of decoder.push(chunk)) onFrame(frame);
    } catch {
      // Not a launcher, or one that lost its place: nothing that follows could be trusted.
      socket.destroy();
    }
  });
}

function run(hello: Hello, host: DoorHost, socket: Socket, options: DoorOptions): void {
  options.run(hello.argv, host).then(
    (code) => socket.end(numberFrame(Out.EXIT, code)),
    (error: unknown) => {
      host.stderr.write(`k3c: an error in k3c itself: ${error instanceof Error ? error.stack : String(error)}\n`);
      socket.end(numberFrame(Out.EXIT, 125));
    },
  );
}

/** Files that a command makes get this process's umask, so a user with another one keeps to a process of their own. */
function isOurs(hello: Hello, options: DoorOptions): boolean {
  return (
    hello.version === VERSION &&
    hello.digest.toString('hex').startsWith(options.digest) &&
    hello.umask === process.umask() &&
    options.takes(hello.argv, hello.cwd, hello.env)
  );
}
