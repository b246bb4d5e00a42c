/**
 * The few system calls that Node does not have, called in libc through node:ffi (Node 26). Loaded at the first use, by the
 * daemon alone: the client never pays for it.
 */
import * as ffi from 'node:ffi';
import { constants } from 'node:os';

const AF_UNIX = 1;
const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0o2000000;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const SO_RCVTIMEO = 20;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_SNDBUFFORCE = 32;
const LOCK = { shared: 1, exclusive: 2 } as const;
const LOCK_NB = 4;
const F_SETPIPE_SZ = 1031;
const MADV_DONTNEED = 4;
const PAGE = 4096n;

function load() {
  const { functions } = ffi.dlopen('libc.so.6', {
    fcntl: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
    fsetxattr: { arguments: ['int32', 'string', 'buffer', 'uint64', 'int32'], return: 'int32' },
    flock: { arguments: ['int32', 'int32'], return: 'int32' },
    mkfifo: { arguments: ['string', 'uint32'], return: 'int32' },
    mknod: { arguments: ['string', 'uint32', 'uint64'], return: 'int32' },
    socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
    setsockopt: { arguments: ['int32', 'int32', 'int32', 'buffer', 'uint32'], return: 'int32' },
    sendto: { arguments: ['int32', 'buffer', 'uint64', 'int32', 'buffer', 'uint32'], return: 'int64' },
    setns: { arguments: ['int32', 'int32'], return: 'int32' },
    unshare: { arguments: ['int32'], return: 'int32' },
    close: { arguments: ['int32'], return: 'int32' },
    madvise: { arguments: ['pointer', 'uint64', 'int32'], return: 'int32' },
    mount: { arguments: ['string', 'string', 'string', 'uint64', 'string'], return: 'int32' },
    umount2: { arguments: ['string', 'int32'], return: 'int32' },
    __errno_location: { arguments: [], return: 'pointer' },
  });
  return functions;
}

let loaded: ReturnType<typeof load> | undefined;

function libc(): ReturnType<typeof load> {
  loaded ??= load();
  return loaded;
}

/** The failure of the last call on this thread, as Node's own fs errors look. */
function lastError(call: string, subject: string): NodeJS.ErrnoException {
  const errno = ffi.getInt32(libc().__errno_location() as bigint);
  const code = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
  return Object.assign(new Error(`${code}: ${call} '${subject}'`), {
    code,
    errno: -errno,
    syscall: call,
    path: subject,
  });
}

/** Makes a FIFO (mkfifo(3)). Throws an ErrnoException, EEXIST where something is there. */
export function mkfifo(path: string, mode: number): void {
  if (libc().mkfifo(path, mode) !== 0) throw lastError('mkfifo', path);
}

/** Makes a device node (mknod(2)); `mode` holds S_IFCHR or S_IFBLK. Throws an ErrnoException, EPERM without CAP_MKNOD. */
export function mknod(path: string, mode: number, major: number, minor: number): void {
  const device = BigInt(((major & 0xfff) << 8) | (minor & 0xff)) | (BigInt(minor >>> 8) << 20n);
  if (libc().mknod(path, mode, device) !== 0) throw lastError('mknod', path);
}

/** Sets how much a pipe or FIFO holds (fcntl(2), F_SETPIPE_SZ). False where this user may not have so much. */
export function setPipeSize(fd: number, bytes: number): boolean {
  return libc().fcntl(fd, F_SETPIPE_SZ, bytes) >= 0;
}

/**
 * How many bytes a socket holds that its peer has not read (socket(7)); the kernel doubles it for its own needs. Without
 * CAP_NET_ADMIN the host's net.core.wmem_max is the most there is. False when the socket stays as it was.
 */
export function setSendBuffer(fd: number, bytes: number): boolean {
  const value = Buffer.alloc(4);
  value.writeInt32LE(bytes);
  const set = (option: number) => libc().setsockopt(fd, SOL_SOCKET, option, value, value.length) === 0;
  return set(SO_SNDBUFFORCE) || set(SO_SNDBUF);
}

/** Sets an extended attribute of an open file (fsetxattr(2)); false where the file system or the user's rights do not allow it. */
export function setXattr(fd: number, name: string, value: Buffer): boolean {
  return libc().fsetxattr(fd, name, value, BigInt(value.length), 0) === 0;
}

/**
 * Takes the lock of an open file without waiting (flock(2)); the kernel gives it back when the file is closed or the process
 * ends, however that happens. False when somebody else is in the way.
 */
export function tryLock(fd: number, path: string, kind: keyof typeof LOCK = 'exclusive'): boolean {
  if (libc().flock(fd, LOCK[kind] | LOCK_NB) === 0) return true;
  const error = lastError('flock', path);
  if (error.code === 'EAGAIN' || error.code === 'EWOULDBLOCK') return false;
  throw error;
}

/** Sends one datagram to a unix socket: a path, or an abstract name with a leading `@` (sd_notify(3)'s notation). */
export function sendDatagram(to: string, message: string): void {
  const name = to.startsWith('@') ? `\0${to.slice(1)}` : `${to}\0`;
  const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), Buffer.from(name)]);
  const payload = Buffer.from(message);
  const fd = libc().socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0) as number;
  if (fd < 0) throw lastError('socket', to);
  try {
    if ((libc().sendto(fd, payload, BigInt(payload.length), 0, address, address.length) as bigint) < 0n)
      throw lastError('sendto', to);
  } finally {
    libc().close(fd);
  }
}

/** unshare(2) for the calling thread. Throws an ErrnoException. */
export function unshare(flags: number): void {
  if (libc().unshare(flags) !== 0) throw lastError('unshare', String(flags));
}

/** setns(2) for the calling thread. Throws an ErrnoException. */
export function setns(fd: number, kind: number): void {
  if (libc().setns(fd, kind) !== 0) throw lastError('setns', String(fd));
}

/**
 * Opens a netlink socket of the calling thread's network namespace, as the launcher opens those of the host's (src/launcher,
 * netlink.c): answers say what was wrong, and are waited for two seconds. The kernel binds it at the first message.
 */
export function openNetlinkSocket(protocol: number): number {
  const fd = libc().socket(AF_NETLINK, SOCK_RAW_CLOEXEC, protocol) as number;
  if (fd < 0) throw lastError('socket', 'netlink');
  const one = Buffer.from([1, 0, 0, 0]);
  const timeout = Buffer.alloc(16);
  timeout.writeBigInt64LE(2n);
  // Each makes errors clearer; a kernel that lacks one still works.
  libc().setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout, timeout.length);
  libc().setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, one, one.length);
  libc().setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, one, one.length);
  return fd;
}

/** mount(2). Throws an ErrnoException that names the target. */
export function mount(source: string, target: string, type: string, flags: number, data: string): void {
  if (libc().mount(source, target, type, BigInt(flags), data) !== 0) throw lastError('mount', target);
}

/** umount2(2). Throws an ErrnoException. */
export function unmount(target: string, flags: number): void {
  if (libc().umount2(target, flags) !== 0) throw lastError('umount', target);
}

/**
 * Lets go of the memory behind a read-only file mapping (madvise(2), MADV_DONTNEED): its pages are read from the file again
 * should anybody look. Only for mappings: memory of Node's own would be lost.
 */
export function releaseMapping(mapped: ArrayBuffer): void {
  const start = ffi.getRawPointer(mapped) as bigint;
  const first = ((start + PAGE - 1n) / PAGE) * PAGE;
  const end = ((start + BigInt(mapped.byteLength)) / PAGE) * PAGE;
  if (end > first && libc().madvise(first, end - first, MADV_DONTNEED) !== 0) throw lastError('madvise', 'mapping');
}
