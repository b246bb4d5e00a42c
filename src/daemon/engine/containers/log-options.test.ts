import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLogOptions, logDetails, logLimits } from './log-options.ts';

const of = (options: Record<string, string>, driver = '') => ({ driver, options });

test('sizes and numbers of files become limits, docker’s way', () => {
  const cases: [Record<string, string>, number, number][] = [
    [{}, 10 << 20, 5],
    [{ 'max-size': '10m' }, 10_000_000, 1],
    [{ 'max-size': '1.5k', 'max-file': '3' }, 1500, 3],
    [{ 'max-size': '2GB', 'max-file': '2' }, 2e9, 2],
    [{ 'max-file': '7' }, 10 << 20, 7],
  ];
  for (const [options, maxBytes, maxFiles] of cases) {
    checkLogOptions(of(options));
    assert.deepEqual(logLimits(of(options)), { maxBytes, maxFiles }, JSON.stringify(options));
  }
});

test('drivers and options that k3c does not have are refused by name', () => {
  for (const driver of ['', 'json-file', 'k8s-file', 'none']) checkLogOptions(of({}, driver));
  checkLogOptions(of({ mode: 'blocking', compress: 'false', labels: 'a', env: 'B' }));
  const cases: [Record<string, string>, string, string][] = [
    [{}, 'syslog', "k3c has no log driver 'syslog'"],
    [{ 'max-size': '1m' }, 'none', 'invalid logging opts for driver none'],
    [{ 'max-size': 'big' }, '', "invalid size: 'big'"],
    [{ 'max-size': '0' }, '', 'max-size must be a positive number'],
    [{ 'max-size': '-1' }, '', 'max-size must be a positive number'],
    [{ 'max-file': '0' }, '', 'max-file cannot be less than 1'],
    [{ 'max-file': 'x' }, '', "max-file: 'x' is no number"],
    [{ mode: 'non-blocking' }, '', "k3c writes logs in mode 'blocking' and not 'non-blocking'"],
    [{ compress: 'true' }, '', 'k3c does not compress logs'],
    [{ tag: 't' }, 'k8s-file', "unknown log opt 'tag' for k8s-file log driver"],
  ];
  for (const [options, driver, message] of cases)
    assert.throws(() => checkLogOptions(of(options, driver)), { message }, `${driver} ${JSON.stringify(options)}`);
});

test('details are the labels and variables that were named, sorted and escaped', () => {
  const config = { labels: { b: 'x y', a: '1&2', other: 'z' }, env: ['PATH=/bin', 'C=d=e'] };
  assert.equal(logDetails(of({ labels: 'b,a,none', env: 'C,MISSING' }), config), 'C=d%3De,a=1%262,b=x+y');
  assert.equal(logDetails(of({}), config), '');
});
