/** Points in time as filters carry them: whoever asks has worked out what a duration before now is. */
import { Code, K3cError } from '../../api/errors.ts';

/**
 * Nanoseconds since the epoch of a filter's `until`.
 *
 * @param text seconds since the epoch with an optional fraction: `1136073600.000000001`
 * @throws INVALID_ARGUMENT for anything else
 */
export function parseUntil(text: string): bigint {
  const match = /^(\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null) {
    throw new K3cError(Code.INVALID_ARGUMENT, `invalid filter 'until=${text}'`, {
      reason: 'bad-input',
      hint: 'it is a time in seconds since the epoch',
    });
  }
  return BigInt(match[1] ?? '0') * 1_000_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}
