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

/** One list for each boot: a file of the machine's own each, then all others. */
function boots(): readonly (readonly string[])[] {
  const chosen = (glob: string) =>
    globSync(glob, { cwd: root })
      .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
      .sort();
  const own = chosen('test/vm/*.vm.ts').map((file) => [file]);
  const others = patterns.length === 0 ? [] : [...chosen('src/**/*.test.ts'), ...chosen('test/**/*.test.ts')];
  return others.length === 0 ? own : [...own, others];
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
