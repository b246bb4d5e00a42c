/** Extended attributes of files, which Node has no calls for, through node:ffi. Links are never followed. */
import * as ffi from 'node:ffi';
import { constants } from 'node:os';

/** XATTR_LIST_MAX and XATTR_SIZE_MAX (linux/limits.h): with so much room no call fails for want of it. */
const ROOM = 64 << 10;

export type Xattrs = ReadonlyMap<string, Buffer>;

function load() {
  return ffi.dlopen('libc.so.6', {
    llistxattr: { arguments: ['buffer', 'buffer', 'uint64'], return: 'int64' },
    lgetxattr: { arguments: ['buffer', 'string', 'buffer', 'uint64'], return: 'int64' },
    lsetxattr: { arguments: ['buffer', 'string', 'buffer', 'uint64', 'int32'], return: 'int32' },
    __errno_location: { arguments: [], return: 'pointer' },
  }).functions;
}

/** Reads and writes the attributes of files below one directory. Loads the system's calls when it is made. */
export class XattrFiles {
  readonly #calls = load();
  readonly #prefix: Buffer;
  readonly #list = Buffer.alloc(ROOM);
  #value: Buffer | undefined;
  #path: Buffer;

  constructor(root: string) {
    this.#prefix = Buffer.from(`${root}/`, 'utf8');
    this.#path = Buffer.alloc(this.#prefix.length + 4096);
    this.#path.set(this.#prefix);
  }

  /**
   * The attributes of a file; undefined where it has none, or its file system has none.
   *
   * @param path below the directory, as a byte string (latin1)
   * @throws ErrnoException, ENOENT among them
   */
  read(path: string): Xattrs | undefined {
    const file = this.#file(path);
    const length = Number(this.#calls.llistxattr(file, this.#list, BigInt(ROOM)));
    if (length === 0) return undefined;
    if (length < 0) {
      const error = this.#lastError('llistxattr', path);
      if (error.code === 'ENOTSUP' || error.code === 'EOPNOTSUPP' || error.code === 'ENOSYS') return undefined;
      throw error;
    }
    const names = this.#list.toString('utf8', 0, length - 1).split('\0');
    const found = new Map<string, Buffer>();
    this.#value ??= Buffer.alloc(ROOM);
    for (const name of names) {
      const size = Number(this.#calls.lgetxattr(file, name, this.#value, BigInt(ROOM)));
      // Gone meanwhile, or not for this user.
      if (size >= 0) found.set(name, Buffer.from(this.#value.subarray(0, size)));
    }
    return found.size === 0 ? undefined : found;
  }

  /** Sets one attribute; false where the file system or the user's rights do not allow it. */
  set(path: string, name: string, value: Buffer): boolean {
    return this.#calls.lsetxattr(this.#file(path), name, value, BigInt(value.length), 0) === 0;
  }

  /** The path with its NUL, in a buffer that every call uses again. */
  #file(path: string): Buffer {
    const end = this.#prefix.length + path.length;
    if (end >= this.#path.length) {
      this.#path = Buffer.alloc(2 * end);
      this.#path.set(this.#prefix);
    }
    this.#path.write(path, this.#prefix.length, 'latin1');
    this.#path[end] = 0;
    return this.#path;
  }

  /** The failure of the last call on this thread, as Node's own fs errors look. */
  #lastError(call: string, subject: string): NodeJS.ErrnoException {
    const errno = ffi.getInt32(this.#calls.__errno_location() as bigint);
    const code = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
    const error = new Error(`${code}: ${call} '${subject}'`);
    return Object.assign(error, { code, errno: -errno, syscall: call, path: subject });
  }
}
