import { readFile } from 'node:fs/promises';

/** capabilities(7), in the order of their numbers. */
const NAMES = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE ' +
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
)
  .split(' ')
  .map((name) => `CAP_${name}`);

/** All that Linux has, by number. */
export function knownCapabilities(): readonly string[] {
  return NAMES;
}

/** The capabilities of this process (CAP_CHOWN …): the most it can give to another one. */
export async function ownCapabilities(): Promise<string[]> {
  return effectiveCapabilities(await readFile('/proc/self/status', 'utf8'));
}

/** The names of the effective capabilities in a /proc/PID/status. Those that are newer than this list are left out. */
export function effectiveCapabilities(status: string): string[] {
  const mask = BigInt(`0x${/^CapEff:\t([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return NAMES.filter((_, number) => ((mask >> BigInt(number)) & 1n) === 1n);
}
