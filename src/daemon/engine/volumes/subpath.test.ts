import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Code } from '../../../api/errors.ts';
import { mountSubpath, unmountSubpath } from './subpath.ts';

describe('a part of a volume', { skip: process.getuid?.() !== 0 && 'only root may mount' }, () => {
  const base = mkdtempSync(join(tmpdir(), 'k3c-subpath-'));
  after(() => rmSync(base, { recursive: true }));
  const volume = join(base, 'volume');
  mkdirSync(join(volume, 'a/b'), { recursive: true });
  writeFileSync(join(volume, 'a/b/file'), 'text');
  symlinkSync('/etc', join(volume, 'out'));
  symlinkSync('a', join(volume, 'in'));

  for (const [subpath, look] of [
    ['a/b', (at: string) => assert.deepEqual(readdirSync(at), ['file'])],
    ['./a//b/file', (at: string) => assert.equal(readFileSync(at, 'utf8'), 'text')],
  ] as const) {
    test(subpath, () => {
      const at = join(base, 'at');
      mountSubpath(volume, subpath, at);
      try {
        look(at);
      } finally {
        unmountSubpath(at);
      }
      assert.equal(existsSync(at), false);
    });
  }

  for (const [subpath, why] of [
    ['nosuch', 'no such file or directory'],
    ['a/b/file/c', 'not a directory'],
    ['out', 'a symbolic link is not followed there'],
    ['out/passwd', 'a symbolic link is not followed there'],
    ['in/b', 'a symbolic link is not followed there'],
    ['a/../../x', 'it leads out of the volume'],
  ] as const) {
    test(`${subpath} is refused`, () => {
      assert.throws(() => mountSubpath(volume, subpath, join(base, 'no')), {
        code: Code.FAILED_PRECONDITION,
        message: `cannot access path ${volume}/${subpath}: ${why}`,
      });
      assert.equal(existsSync(join(base, 'no')), false);
    });
  }

  test('what is not mounted is no failure', () => unmountSubpath(join(base, 'nothing')));
});
