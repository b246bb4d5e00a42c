/** In the machine, at every boot: runs the next file of tests, then boots anew for the one after it; powers off after the last. */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Progress {
  /** Files that have been run. */
  readonly done: number;
  readonly failed: boolean;
}

const PROGRESS = '/var/lib/k3c-vm.json';
const root = join(import.meta.dirname, '../..');
const said = /\bk3c\.vm=(\S+)/.exec(readFileSync('/proc/cmdline', 'utf8'))?.[1] ?? '';
const words = JSON.parse(Buffer.from(said, 'base64url').toString()) as string[];
const flags = words.filter((word) => word.startsWith('-'));
const patterns = words.filter((word) => !word.startsWith('-'));

/** One list for each boot. */
function boots(): readonly (readonly string[])[] {
  if (patterns.length === 0)
    return globSync('test/vm/*.vm.ts', { cwd: root })
      .sort()
      .map((file) => [file]);
  const all = [...globSync('src/**/*.test.ts', { cwd: root }), ...globSync('test/**/*.test.ts', { cwd: root })];
  return [all.filter((file) => patterns.some((pattern) => file.includes(pattern))).sort()];
}

const before: Progress = existsSync(PROGRESS)
  ? (JSON.parse(readFileSync(PROGRESS, 'utf8')) as Progress)
  : { done: 0, failed: false };
const files = boots()[before.done] ?? [];
console.log(`vm: ${files.join(' ')}`);
const args = ['--test', '--test-reporter=spec', '--test-concurrency=1', '--test-timeout=900000', ...flags, ...files];
const env = { ...process.env, NO_COLOR: '1', PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env });
const after: Progress = { done: before.done + 1, failed: before.failed || status !== 0 || files.length === 0 };
writeFileSync(PROGRESS, JSON.stringify(after));
const more = after.done < boots().length;
if (!more) console.log(`vm: exit ${after.failed ? 1 : 0}`);
spawnSync('systemctl', [more ? 'reboot' : 'poweroff']);
