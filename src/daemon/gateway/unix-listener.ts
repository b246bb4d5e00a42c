/** Listening on a unix socket so that nobody gets in before its owner and mode are right, and no live socket is lost. */
import { chmod, chown, lstat, readFile, rename, rm } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { Code, K3cError } from '../../api/errors.ts';
import { NEST_LENGTH, withNest } from '../../host/socket-nest.ts';

/** sockaddr_un holds 108 bytes with the final NUL; the socket is bound under a name 10 bytes longer than its directory. */
const MAX_PATH = 107;

export interface UnixListenOptions {
  readonly path: string;
  /** Permission bits, e.g. 0o660. */
  readonly mode: number;
  /** Name of the group that owns the socket; where it does not exist the socket stays with the process' group. */
  readonly group?: string | undefined;
}

export interface UnixListener {
  /** Whether the group asked for exists and owns the socket. */
  readonly hasGroup: boolean;
  /** Removes the socket from the file system, unless another process has put its own there. */
  unlink(): Promise<void>;
}

/**
 * Makes a server listen at a path. The socket is bound in a private directory beside it, given owner and mode, and then
 * renamed to its place: at no moment is it there with wrong permissions. A socket that is there already is replaced when
 * nobody answers on it.
 *
 * @throws K3cError ALREADY_EXISTS when somebody answers, FAILED_PRECONDITION when the path is something else than a
 *   socket, INVALID_ARGUMENT when it is too long for one
 */
export async function listenUnix(server: Server, options: UnixListenOptions): Promise<UnixListener> {
  const { path } = options;
  const directory = dirname(path);
  if (Buffer.byteLength(path) > MAX_PATH || Buffer.byteLength(directory) + NEST_LENGTH > MAX_PATH) {
    throw new K3cError(
      Code.INVALID_ARGUMENT,
      `the socket path ${path} is longer than the ${MAX_PATH} bytes it may have`,
      {
        hint: 'choose a shorter path for the state directory or the address',
      },
    );
  }
  await refuseLiveSocket(path);
  const gid = options.group === undefined ? undefined : await groupId(options.group);
  // Inside: beside it may be another file system, as where the state directory is a tmpfs.
  return await withNest(directory, async (bound) => {
    try {
      await listen(server, bound);
      if (gid !== undefined) await chown(bound, -1, gid);
      await chmod(bound, options.mode);
      const { ino, dev } = await lstat(bound);
      await rename(bound, path);
      return {
        hasGroup: gid !== undefined,
        unlink: async () => {
          const now = await lstat(path).catch(absent);
          if (now?.ino === ino && now.dev === dev) await rm(path, { force: true });
        },
      };
    } catch (error) {
      server.close();
      throw error;
    }
  });
}

/**
 * Throws when a path cannot become our socket: FAILED_PRECONDITION where something else is in the way, ALREADY_EXISTS where somebody
 * listens. A socket that nobody answers on is fine: it will be replaced.
 */
export async function refuseLiveSocket(path: string): Promise<void> {
  const stat = await lstat(path).catch(absent);
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new K3cError(Code.FAILED_PRECONDITION, `${path} is in the way: it is not a socket`, {
      hint: 'remove it or choose another address',
    });
  }
  if (await answers(path)) {
    throw new K3cError(Code.ALREADY_EXISTS, `another daemon already listens on ${path}`, {
      hint: 'stop it, or give this one its own --root, --state and --address',
    });
  }
}

/** Whether anybody accepts connections on a socket. A full backlog (EAGAIN) counts: somebody is there. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, backlog: 1024 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** The id of a group in /etc/group; read directly because an empty root has no getent and a static program no NSS. */
async function groupId(name: string): Promise<number | undefined> {
  const groups = (await readFile('/etc/group', 'utf8').catch(absent)) ?? '';
  for (const line of groups.split('\n')) {
    const [group, , gid] = line.split(':');
    if (group === name && gid !== undefined && /^\d+$/.test(gid)) return Number(gid);
  }
  return undefined;
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
