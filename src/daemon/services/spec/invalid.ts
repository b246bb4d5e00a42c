import { Code, K3cError } from '../../../api/errors.ts';

/** A request that can never be right: INVALID_ARGUMENT (bad-input). */
export function invalid(message: string, hint?: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input', ...(hint === undefined ? {} : { hint }) });
}
