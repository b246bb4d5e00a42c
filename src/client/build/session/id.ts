/** Ids of builds, sessions and uploads. */
import { closeSync, openSync, readSync } from 'node:fs';

/** Straight from the kernel: loading node:crypto takes longer than a build in which nothing changed may take. */
const RANDOM = '/dev/urandom';

/** An unguessable id in BuildKit's form: 25 characters of base 36. */
export function newId(): string {
  const bytes = Buffer.alloc(16);
  const source = openSync(RANDOM, 'r');
  try {
    readSync(source, bytes);
  } finally {
    closeSync(source);
  }
  return BigInt(`0x${bytes.toString('hex')}`)
    .toString(36)
    .padStart(25, '0')
    .slice(-25);
}
