import { Code, K3cError } from '../../../../api/errors.ts';

/** What was asked for can never be given: INVALID_ARGUMENT (bad-input). */
export function invalidSecurity(message: string, hint?: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, message, { reason: 'bad-input', hint });
}
