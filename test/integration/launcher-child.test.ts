/** `k3c __child` and k3c-child: what runs under them does not outlive its parent. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildLauncher } from '../../scripts/package/launcher.ts';
import { run } from '../support/binary.ts';
import { type TinyK3c, tinyK3c } from '../support/launcher.ts';

let tiny: TinyK3c;
let helper: string;
before(async () => {
  tiny = await tinyK3c();
  helper = (await buildLauncher()).child;
});
after(() => tiny.dispose());

const self = String(process.pid);

/** Whether the process exists and is no zombie. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOENT');
    return false;
  }
}

async function gone(pid: number): Promise<boolean> {
  for (let i = 0; i < 200 && isRunning(pid); i++) await sleep(10);
  return !isRunning(pid);
}

/** A Node process that spawns `sleep` under the helper, and that child's pid. */
async function parentOf(args: readonly string[], wrapper: readonly string[]): Promise<[ChildProcess, number]> {
  const script = `
    const [command, ...args] = ${JSON.stringify(wrapper)};
    const child = require('node:child_process').spawn(command, [...args, String(process.pid), ...${JSON.stringify(args)}]);
    child.once('spawn', () => console.log(child.pid));
    // Keeps libuv's thread pool and the main thread busy: the signal is bound to the thread that forked.
    setInterval(() => require('node:fs').readFile('/proc/self/status', () => {}), 20);
  `;
  const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(parent.stdout as NodeJS.EventEmitter, 'data')) as [Buffer];
  return [parent, Number(line.toString())];
}

test('the child dies with a parent that is killed with kill -9', async () => {
  for (const wrapper of [[helper], [tiny.path, '__child']]) {
    const [parent, child] = await parentOf(['9', 'sleep', '60'], wrapper);
    await sleep(100);
    assert.ok(isRunning(child));
    parent.kill('SIGKILL');
    assert.ok(await gone(child), wrapper.join(' '));
  }
});

test('it gets the signal that was asked for', async () => {
  const [parent, child] = await parentOf(['15', 'sh', '-c', 'trap "" HUP INT; sleep 60 & wait'], [helper]);
  await sleep(100);
  parent.kill('SIGKILL');
  assert.ok(await gone(child));
});

test('it stays as long as the parent lives', async () => {
  const [parent, child] = await parentOf(['9', 'sleep', '60'], [helper]);
  await sleep(2500);
  assert.ok(isRunning(child));
  parent.kill('SIGKILL');
  assert.ok(await gone(child));
});

test('it becomes its command: arguments, output, exit code', async () => {
  const result = await run(helper, [self, '9', 'sh', '-c', 'echo "$0 $1"; exit 3', 'a b', 'c']);
  assert.deepEqual([result.code, result.stdout], [3, 'a b c\n']);
  const viaLauncher = await run(tiny.path, ['__child', self, '9', 'echo', 'hi'], { env: { ...tiny.env } });
  assert.deepEqual([viaLauncher.code, viaLauncher.stdout], [0, 'hi\n']);
});

test('it has the open files that the daemon was started with, not those of Node', async () => {
  const script = 'ulimit -Sn; printenv K3C_OPEN_FILES || echo none';
  const seen = async (files: string) => {
    const env = { PATH: process.env['PATH'] ?? '', K3C_OPEN_FILES: files };
    return (await run(helper, [self, '9', 'sh', '-c', script], { env })).stdout;
  };
  const [own] = (await run('sh', ['-c', 'ulimit -Sn'])).stdout.split('\n');
  assert.equal(await seen('100'), '100\nnone\n');
  for (const files of ['99999999', 'x', '0']) assert.equal(await seen(files), `${own}\nnone\n`);
});

test('it does not start for a parent that is gone already', async () => {
  const result = await run(helper, ['1', '9', 'echo', 'hi']);
  assert.deepEqual([result.code, result.stdout], [143, '']);
});

test('a command that cannot run and wrong use have their exit codes', async () => {
  const cases: [string[], number, RegExp][] = [
    [[self, '9', '/nonexistent'], 127, /^k3c: \/nonexistent: No such file/],
    [[self, '9', '/etc/passwd'], 126, /^k3c: \/etc\/passwd: Permission denied/],
    [[self, '9'], 125, /usage/],
    [['x', '9', 'true'], 125, /x is not a process id/],
    [[self, '999', 'true'], 125, /signal 999/],
  ];
  for (const [args, code, message] of cases) {
    const result = await run(helper, args);
    assert.equal(result.code, code, args.join(' '));
    assert.match(result.stderr, message);
  }
});

test('tells a chroot from a root of one’s own, also one with the same files', async () => {
  assert.equal((await run(helper, ['--in-chroot'])).code, 1);
  assert.equal((await run('unshare', ['-m', helper, '--in-chroot'])).code, 1);
  const same = 'mount --rbind / /mnt; exec chroot /mnt "$0" --in-chroot';
  assert.equal((await run('unshare', ['-m', 'sh', '-ec', same, helper])).code, 0);
});
