/**
 * All checks and tests: engine and types built, static checks, unit tests, then on the packaged binary integration and
 * e2e. `test.ts PATTERN…` runs only the test files whose path contains a pattern.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
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
// The runner without a file would look for tests itself, and find all.
if (files.length === 0) {
  console.error(`test: no test file has ${patterns.join(' or ')} in its path`);
  process.exit(1);
}
// Of its own: two runs in one tree would mix their records.
const records = mkdtempSync(join(tmpdir(), 'k3c-tests-'));
process.on('exit', () => rmSync(records, { recursive: true, force: true }));
const state = join(records, 'failures.json');

/** Runs the files, or of an earlier run only what failed in it. */
function tests(concurrency: number): boolean {
  const flags = [`--test-concurrency=${concurrency}`, '--test-timeout=240000', `--test-rerun-failures=${state}`];
  return spawnSync(process.execPath, ['--test', ...flags, ...files], { cwd: root, stdio: 'inherit' }).status === 0;
}

// Files run side by side, a core each: every test has its own root, state, bridge and socket.
console.log('\n== tests');
if (!tests(2)) {
  // Tests that kill real processes at real moments see a busy machine. What failed gets one more try, alone, and is named.
  console.log('\n== what failed, once more, alone on the machine');
  if (!tests(1)) {
    console.error('test: tests failed');
    process.exit(1);
  }
  console.log('\ntest: what failed at first passed alone: look at it, it depends on time');
}
