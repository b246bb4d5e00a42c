import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, K3cError } from '../../../api/errors.ts';
import { parseReference } from '../../../api/reference.ts';
import { transferError } from './transfer-error.ts';

const pull = {
  direction: 'pull',
  reference: parseReference('r.test/a/b:1'),
  resolved: false,
  platform: 'linux/arm64',
  withCredentials: false,
} as const;
const head = 'failed to resolve image: unexpected status from HEAD request to https://r.test/v2/a/b/manifests/1: ';
const dial = 'failed to do request: Head "https://r.test/v2/a/b/manifests/1": ';

const cases: readonly [code: Code, sentence: string, context: object, message: RegExp][] = [
  [Code.NOT_FOUND, 'r.test/a/b:1: not found', {}, /^manifest for r\.test\/a\/b:1 not found: manifest unknown$/],
  [Code.NOT_FOUND, 'no match', { resolved: true }, /^no matching manifest for linux\/arm64 in the manifest list/],
  [Code.UNKNOWN, `${head}401 Unauthorized`, { withCredentials: true }, /^r\.test refused the login: unauthorized: inc/],
  [
    Code.UNKNOWN,
    'authorization failed: no basic auth credentials',
    {},
    /^r\.test wants a login for r\.test\/a\/b: no b/,
  ],
  [Code.UNKNOWN, `${head}403 Forbidden`, {}, /^pull access denied for r\.test\/a\/b, repository does not exist or may/],
  [Code.UNKNOWN, 'server message: insufficient_scope: authorization failed', {}, /^pull access denied for/],
  [
    Code.UNKNOWN,
    `${head}403 Forbidden`,
    { direction: 'push' },
    /^denied: requested access to r\.test\/a\/b is denied$/,
  ],
  [Code.UNKNOWN, `${head}429 Too Many Requests`, {}, /^toomanyrequests: r\.test limits/],
  [Code.UNKNOWN, `${dial}dial tcp: lookup r.test: no such host`, {}, /^cannot reach r\.test: no such host$/],
  [
    Code.UNKNOWN,
    `${dial}dial tcp 1.2.3.4:443: connect: connection refused`,
    {},
    /^cannot reach r\.test: connection re/,
  ],
  [Code.UNKNOWN, `${dial}net/http: TLS handshake timeout`, {}, /^r\.test did not answer in time$/],
  [
    Code.UNKNOWN,
    `${dial}tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    {},
    /^cannot trust r\.test: tls: failed to verify certificate: x509: certificate signed by unknown authority$/,
  ],
  [
    Code.UNKNOWN,
    `${dial}http: server gave HTTP response to HTTPS client`,
    {},
    /^r\.test speaks plain HTTP, not HTTPS$/,
  ],
  [Code.UNKNOWN, 'write /x: no space left on device', {}, /^no space left on device for r\.test\/a\/b:1$/],
  [
    Code.UNKNOWN,
    'unexpected status from HEAD request to http://127.0.0.1:4000/v2/r.test/0/a/b/manifests/1: 502 http://m.test: timed out',
    {},
    /^pull of r\.test\/a\/b:1 failed: .*: 502 http:\/\/m\.test: timed out$/,
  ],
  [Code.INTERNAL, 'a surprise', {}, /^pull of r\.test\/a\/b:1 failed: a surprise$/],
];
for (const [code, sentence, context, message] of cases) {
  test(`${sentence.slice(-60)} ${JSON.stringify(context)}`, () => {
    const cause = new K3cError(code, sentence);
    const error = transferError(cause, { ...pull, ...context });
    assert.match(error.message, message);
    assert.equal(error.cause, cause);
  });
}

test('aborts and errors of ours pass unchanged', () => {
  const abort = new DOMException('x', 'AbortError');
  assert.equal(transferError(abort, pull).code, Code.CANCELLED);
  const ours = new K3cError(Code.NOT_FOUND, 'x', { reason: 'image-not-found' });
  assert.equal(transferError(ours, pull), ours);
});
