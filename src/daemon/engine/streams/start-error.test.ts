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

for (const [why, hint] of [
  [
    'error mounting "/d" to rootfs at "/etc/passwd": mount src=/d: not a directory',
    /^a directory goes onto a directory/,
  ],
  ['error mounting "tmpfs" to rootfs at "/m": mount src=tmpfs, data=size=x: invalid argument', undefined],
  ['error mounting "/f/x" to rootfs at "/m": stat /f/x: no such file or directory', undefined],
] as const) {
  test(`not the command's fault: ${why}`, () => {
    const error = startError(new K3cError(Code.UNKNOWN, `${CREATE}${INIT}${why}`));
    assert.equal(error.message, `OCI runtime create failed: runc create failed: ${INIT}${why}`);
    assert.deepEqual([error.reason, error.code], ['bad-input', Code.INVALID_ARGUMENT]);
    if (hint === undefined) assert.equal(error.hint, undefined);
    else assert.match(error.hint ?? '', hint);
  });
}

test('a source whose mount is private', () => {
  const path = 'path "/a b" is mounted on "/" but it is not a shared or slave mount';
  const error = startError(
    new K3cError(Code.UNKNOWN, `failed to generate container "1234" spec: failed to generate spec: ${path}`),
  );
  assert.equal(error.message, 'path /a b is mounted on / but it is not a shared or slave mount');
  assert.equal(error.reason, 'bad-input');
});

test('other failures pass as they are', () => {
  for (const message of [`${CREATE}${INIT}no cgroup`, 'failed to reserve container name: no such file or directory']) {
    const cause = new K3cError(Code.UNKNOWN, message);
    assert.equal(startError(cause), cause);
  }
});
