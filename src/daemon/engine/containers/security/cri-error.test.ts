import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, K3cError } from '../../../../api/errors.ts';
import { securityError } from './cri-error.ts';

const unknown = (message: string) => new K3cError(Code.UNKNOWN, message);

test('a name that no specification has', () => {
  const words = 'CDI device injection failed: unresolvable CDI devices v.com/c=d';
  const error = securityError(unknown(`failed to create containerd container: ${words}`), '') as K3cError;
  assert.deepEqual([error.message, error.reason], [words, 'bad-input']);
  assert.match(error.hint ?? '', /'k3c info'/);
});

test('a runtime that is too old', () => {
  const words = 'failed to start sandbox "x": OCI runtime create failed: unknown version specified';
  const error = securityError(unknown(words), 'crun') as K3cError;
  assert.equal(error.message, words);
  assert.match(error.hint ?? '', /^the runtime crun is too old/);
});

test('anything else passes', () => {
  const other = unknown('OCI runtime create failed: other');
  assert.equal(securityError(other, 'crun'), other);
});
