import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, K3cError } from '../../../api/errors.ts';
import { startError } from './start-error.ts';

const CREATE =
  'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: ';
const INIT = 'unable to start container process: error during container init: ';

for (const [why, reason] of [
  ['exec: "nosuch": executable file not found in $PATH', 'command-not-found'],
  ['exec: "/no/such": stat /no/such: no such file or directory', 'command-not-found'],
  ['exec: "/etc": is a directory', 'command-not-invocable'],
  ['exec: "/etc/passwd": permission denied', 'command-not-invocable'],
  ['chdir to cwd ("/none") set in config.json failed: no such file or directory', 'command-not-invocable'],
  ['exec /script: exec format error', 'command-not-invocable'],
] as const) {
  test(`${why}: ${reason}`, () => {
    const error = startError(new K3cError(Code.UNKNOWN, `${CREATE}${INIT}${why}`));
    assert.equal(error.message, `OCI runtime create failed: runc create failed: ${INIT}${why}`);
    assert.equal(error.reason, reason);
    assert.equal(error.code, Code.INVALID_ARGUMENT);
  });
}

test('other failures pass as they are', () => {
  for (const message of [
    `${CREATE}${INIT}error mounting "/a" to rootfs`,
    'failed to reserve container name: no such file or directory',
  ]) {
    const cause = new K3cError(Code.UNKNOWN, message);
    assert.equal(startError(cause), cause);
  }
});
