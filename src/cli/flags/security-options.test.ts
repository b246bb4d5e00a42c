import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CliError } from '../errors.ts';
import { readSecurityOption } from './security-options.ts';

describe('--security-opt', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'k3c-opt-'));
    writeFileSync(join(directory, 'p.json'), '{ "a b" : [ 1,\n 18446744073709551615 ], "q\\" x" : " " }\n');
    writeFileSync(join(directory, 'bad.json'), 'nojson');
  });
  after(() => rmSync(directory, { recursive: true }));

  for (const text of [
    'no-new-privileges',
    'no-new-privileges:true',
    'writable-cgroups',
    'seccomp=unconfined',
    'seccomp:unconfined',
    'seccomp=builtin',
    'apparmor=mine',
    'systempaths=unconfined',
    'label:disable',
    'foo=bar',
  ])
    test(`${text} is the daemon's`, async () => assert.equal(await readSecurityOption(text, directory), text));

  for (const text of ['seccomp=p.json', 'seccomp:p.json'])
    test(`${text} is read, and its numbers stay`, async () =>
      assert.equal(await readSecurityOption(text, directory), 'seccomp={"a b":[1,18446744073709551615],"q\\" x":" "}'));

  const refused: [text: string, sentence: RegExp][] = [
    ['foo', /^Invalid --security-opt: "foo"$/],
    ['seccomp', /^Invalid --security-opt: "seccomp"$/],
    ['seccomp=nope', /^opening seccomp profile \(nope\) failed: open nope: no such file or directory$/],
    ['seccomp=', /^opening seccomp profile \(\) failed: read : is a directory$/],
    ['seccomp=bad.json', /^compacting json for seccomp profile \(bad\.json\) failed: ./],
  ];
  for (const [text, message] of refused)
    test(`refuses ${text}`, () =>
      assert.rejects(
        readSecurityOption(text, directory),
        (error) => error instanceof CliError && message.test(error.message),
      ));
});
