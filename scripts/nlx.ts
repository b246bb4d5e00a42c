/**
 * Builds vendor-bin/bin/test/nlx, which opens netlink sockets for tests and for a daemon run from source. Only when its
 * source is newer.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const source = join(root, 'src/launcher/nlx.c');
const output = join(root, 'vendor-bin/bin/test/nlx');

if ((statSync(output, { throwIfNoEntry: false })?.mtimeMs ?? 0) < statSync(source).mtimeMs) {
  mkdirSync(join(output, '..'), { recursive: true });
  const headers = execFileSync('cc', ['-print-multiarch'], { encoding: 'utf8' }).trim();
  execFileSync(
    'musl-gcc',
    [
      '-static',
      '-O2',
      '-s',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-idirafter',
      '/usr/include',
      '-idirafter',
      `/usr/include/${headers}`,
      source,
      '-o',
      output,
    ],
    { stdio: 'inherit' },
  );
}
