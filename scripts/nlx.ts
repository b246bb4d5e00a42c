/**
 * Builds vendor-bin/bin/test/nlx, which opens netlink sockets for tests and for a daemon run from source. Only when a
 * source is newer.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const sources = ['nlx.c', 'netlink.c'].map((name) => join(root, 'src/launcher', name));
const output = join(root, 'vendor-bin/bin/test/nlx');
const built = statSync(output, { throwIfNoEntry: false })?.mtimeMs ?? 0;

if (sources.some((source) => statSync(source).mtimeMs > built)) {
  mkdirSync(join(output, '..'), { recursive: true });
  const architecture = execFileSync('cc', ['-print-multiarch'], { encoding: 'utf8' }).trim();
  const headers = ['/usr/include', `/usr/include/${architecture}`].flatMap((path) => ['-idirafter', path]);
  // Tests that run side by side may all build it: each its own file, and the last rename wins.
  const temporary = `${output}.${process.pid}`;
  const flags = ['-static', '-O2', '-s', '-Wall', '-Wextra', '-Werror'];
  execFileSync('musl-gcc', [...flags, ...headers, ...sources, '-o', temporary], { stdio: 'inherit' });
  renameSync(temporary, output);
}
