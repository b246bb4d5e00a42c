/** Ids of builds, sessions and uploads. */
import { randomBytes } from 'node:crypto';

/** An unguessable id in BuildKit's form: 25 characters of base 36. */
export function newId(): string {
  return BigInt(`0x${randomBytes(16).toString('hex')}`)
    .toString(36)
    .padStart(25, '0')
    .slice(-25);
}
