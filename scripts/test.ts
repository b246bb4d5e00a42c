/**
 * All checks and tests: engine and types built, static checks, unit tests, then on the packaged binary integration and
 * e2e. `test.ts PATTERN…` runs only the test files whose path contains a pattern.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const patterns = process.argv.slice(2);

function step(name: string, args: readonly string[]): void {
  console.log(`\n== ${name}`);
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    console.error(`test: ${name} failed`);
    process.exit(1);
  }
}

step('build', ['scripts/build.ts']);
if (patterns.length === 0) step('check', ['scripts/check.ts']);
const files = [...globSync('src/**/*.test.ts', { cwd: root }), ...globSync('test/**/*.test.ts', { cwd: root })]
  .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
  .sort();
// Files run side by side, a core each: every test has its own root, state, bridge and socket.
step('tests', ['--test', '--test-concurrency=2', '--test-timeout=300000', ...files]);
