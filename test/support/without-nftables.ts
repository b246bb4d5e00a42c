/**
 * without-nftables COMMAND [ARG…]: becomes the command, as on a kernel that has no netfilter sockets: socket(2) refuses them with
 * EPROTONOSUPPORT. By a seccomp filter (seccomp(2)), which children inherit.
 */
import * as ffi from 'node:ffi';
import process from 'node:process';

const PR_SET_SECCOMP = 22;
const SECCOMP_MODE_FILTER = 2n;
const ALLOW = 0x7fff0000;
const REFUSE = 0x00050000 | 93; // SECCOMP_RET_ERRNO, EPROTONOSUPPORT

// Offsets in struct seccomp_data; arguments are of 64 bits, the lower half first.
const NUMBER = 0;
const ARCHITECTURE = 4;
const DOMAIN = 16;
const PROTOCOL = 32;

const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const RETURN = 0x06;

/** One condition after the other; the first that does not hold leads to the end, which allows. */
function program(): Buffer {
  const conditions: readonly [offset: number, value: number][] = [
    [ARCHITECTURE, 0xc000003e], // AUDIT_ARCH_X86_64
    [NUMBER, 41], // socket
    [DOMAIN, 16], // AF_NETLINK
    [PROTOCOL, 12], // NETLINK_NETFILTER
  ];
  const end = conditions.length * 2 + 1;
  const instructions = conditions.flatMap(([offset, value], i) => [
    instruction(LOAD, 0, 0, offset),
    instruction(JUMP_EQUAL, 0, end - (2 * i + 2), value),
  ]);
  return Buffer.concat([...instructions, instruction(RETURN, 0, 0, REFUSE), instruction(RETURN, 0, 0, ALLOW)]);
}

/** struct sock_filter */
function instruction(code: number, ifTrue: number, ifFalse: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(ifTrue, 2);
  bytes.writeUInt8(ifFalse, 3);
  bytes.writeUInt32LE(value >>> 0, 4);
  return bytes;
}

const [command = '', ...args] = process.argv.slice(2);
const instructions = program();
const filter = Buffer.alloc(16); // struct sock_fprog
filter.writeUInt16LE(instructions.length / 8, 0);
filter.writeBigUInt64LE(ffi.getRawPointer(instructions), 8);
const { functions } = ffi.dlopen('libc.so.6', {
  prctl: { arguments: ['int32', 'uint64', 'buffer', 'uint64', 'uint64'], return: 'int32' },
});
if (functions.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter, 0n, 0n) !== 0) throw new Error('no seccomp filter');
// The main thread's filter is the new program's.
process.execve?.(command, [command, ...args], process.env as Record<string, string>);
