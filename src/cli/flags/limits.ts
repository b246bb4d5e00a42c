/** Limits as docker's flags take them. Each parser throws Error with docker's sentence. */
import type { Ulimit } from '../../api/gen/k3c.ts';
import { parseBytes } from './sizes.ts';

const INT64 = { name: 'ParseInt', min: -(2n ** 63n), max: 2n ** 63n - 1n };
const UINT16 = { name: 'ParseUint', min: 0n, max: 2n ** 16n - 1n };

/** What setrlimit(2) knows and docker passes on (docker/go-units, ulimit.go). */
const ULIMITS = [
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
];

/** The kernel parameters that a namespace of the container's own has (docker/cli, opts.ValidateSysctl). */
const SYSCTLS = [
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
];

/** A whole number of 64 bits, as Go's strconv reads it. */
export function parseInt64(text: string): bigint {
  return parseWhole(text, INT64);
}

/** `--blkio-weight`. */
export function parseWeight(text: string): number {
  return Number(parseWhole(text, UINT16));
}

function parseWhole(text: string, kind: { readonly name: string; readonly min: bigint; readonly max: bigint }): bigint {
  const quoted = JSON.stringify(text);
  if (!(kind.min < 0n ? /^[+-]?\d+$/ : /^\d+$/).test(text))
    throw new Error(`strconv.${kind.name}: parsing ${quoted}: invalid syntax`);
  const number = BigInt(text.replace(/^\+/, ''));
  if (number < kind.min || number > kind.max)
    throw new Error(`strconv.${kind.name}: parsing ${quoted}: value out of range`);
  return number;
}

/** `--memory-swap`: a size, or -1 for no limit. */
export function parseMemorySwap(text: string): bigint {
  return text === '-1' ? -1n : parseBytes(text);
}

/** `--ulimit`: NAME=SOFT[:HARD], -1 for no limit; without a hard limit it is the soft one. */
export function parseUlimit(text: string): Ulimit {
  const equals = text.indexOf('=');
  if (equals < 0) throw new Error(`invalid ulimit argument: ${text}`);
  const name = text.slice(0, equals);
  if (!ULIMITS.includes(name)) throw new Error(`invalid ulimit type: ${name}`);
  const limits = text.slice(equals + 1).split(':');
  if (limits.length > 2) {
    throw new Error(
      `too many limit value arguments - ${text.slice(equals + 1)}, can only have up to two, \`soft[:hard]\``,
    );
  }
  const hard = parseInt64(limits.at(-1) ?? '');
  const soft = parseInt64(limits[0] ?? '');
  if (hard !== -1n && (soft === -1n || soft > hard)) {
    const compared = soft === -1n ? `soft: -1 (unlimited), hard: ${hard}` : `${soft} > ${hard}`;
    throw new Error(`ulimit soft limit must be less than or equal to hard limit: ${compared}`);
  }
  return { name, soft, hard };
}

/** `--sysctl`: NAME=VALUE of a parameter that the container has for itself. */
export function parseSysctl(text: string): readonly [name: string, value: string] {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(equals, 0));
  if (!SYSCTLS.includes(name) && !name.startsWith('net.') && !name.startsWith('fs.mqueue.'))
    throw new Error(`sysctl '${text}' is not allowed`);
  return [name, text.slice(equals + 1)];
}
