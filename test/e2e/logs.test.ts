import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../support/k3c.ts';

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon.stop());

/** A container that has ended. */
async function ended(t: TestContext, name: string, script: string, ...flags: string[]): Promise<void> {
  t.after(() => daemon.k3c(['rm', '-f', name]));
  await daemon.k3c(['run', '--name', name, ...flags, 'busybox', 'sh', '-c', script]);
}

function follow(...words: string[]): {
  readonly child: ChildProcess;
  text(): string;
  readonly closed: Promise<unknown>;
} {
  const child = daemon.spawn(['logs', '-f', ...words]);
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { child, text: () => text, closed: once(child, 'close') };
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await condition()) return;
    await sleep(50);
  }
  assert.fail(`not so after ten seconds: ${what}`);
}

const logs = (...words: string[]) => daemon.k3c(['logs', ...words]);

test('each stream is what was written, byte for byte, and goes where it came from', async (t) => {
  const script = "printf 'a\\r\\nb'; printf '\\0\\377' >&2; sleep 0.2; printf 'c\\n'; printf 'no end'";
  await ended(t, 'bytes', script);
  const { stdout, stderr } = await logs('bytes');
  assert.equal(stdout, 'a\r\nbc\nno end');
  assert.equal(stderr, Buffer.from([0, 0xff]).toString());
});

test('-n, -t, --since and --until choose', async (t) => {
  await ended(t, 'choose', 'echo one; sleep 1.1; echo two; echo three');
  assert.equal((await logs('-n', '2', 'choose')).stdout, 'two\nthree\n');
  assert.equal((await logs('--tail', '0', 'choose')).stdout, '');
  assert.equal((await logs('--tail', 'all', 'choose')).stdout, 'one\ntwo\nthree\n');
  const { stdout } = await logs('-t', 'choose');
  const times = stdout.split('\n').map((line) => line.slice(0, 30));
  assert.match(times[0] ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  const second = String(times[1]);
  const unix = (Date.parse(second) / 1000).toFixed(3);
  // The daemon's now is a little later; the line before is more than a second older.
  const ago = `${Math.ceil(Date.now() - Date.parse(second) + 600)}ms`;
  for (const since of [ago, second, unix, second.replace('Z', '+00:00')])
    assert.equal((await logs('--since', since, 'choose')).stdout, 'two\nthree\n', since);
  assert.equal((await logs('--until', unix, 'choose')).stdout, 'one\n');
  assert.equal((await logs('--since', '1h', '--until', '0s', '-n', '1', 'choose')).stdout, 'three\n');
});

test('-f ends with the container, and not before its last byte', async (t) => {
  await daemon.ok([
    'run',
    '-d',
    '--name',
    'talks',
    'busybox',
    'sh',
    '-c',
    'for i in 1 2 3; do echo $i; sleep 0.1; done; exit 2',
  ]);
  t.after(() => daemon.k3c(['rm', '-f', 'talks']));
  const { child, text, closed } = follow('talks');
  await closed;
  assert.deepEqual([child.exitCode, text()], [0, '1\n2\n3\n']);
  // One that has ended, and one that never ran, end at once.
  assert.equal((await logs('-f', 'talks')).stdout, '1\n2\n3\n');
  await daemon.ok(['create', '--name', 'never', 'busybox', 'true']);
  t.after(() => daemon.k3c(['rm', '-f', 'never']));
  const { code, stdout, stderr } = await logs('-f', 'never');
  assert.deepEqual([code, stdout, stderr], [0, '', '']);
});

test('-f goes on over restarts, by policy and by hand', async (t) => {
  await daemon.ok([
    'run',
    '-d',
    '--restart',
    'on-failure:2',
    '--name',
    'fails',
    'busybox',
    'sh',
    '-c',
    'echo try; exit 1',
  ]);
  t.after(() => daemon.k3c(['rm', '-f', 'fails']));
  const failing = follow('fails');
  await failing.closed;
  assert.equal(failing.text(), 'try\ntry\ntry\n');

  await daemon.ok(['run', '-d', '--name', 'hand', 'busybox', 'sh', '-c', 'echo up; exec sleep 1000']);
  t.after(() => daemon.k3c(['rm', '-f', 'hand']));
  const following = follow('hand');
  await until('it is up', () => following.text() === 'up\n');
  await daemon.ok(['restart', '-t', '0', 'hand']);
  await until('it is up again', () => following.text() === 'up\nup\n');
  assert.equal(following.child.exitCode, null);
  await daemon.ok(['stop', '-t', '0', 'hand']);
  await following.closed;
  assert.equal(following.child.exitCode, 0);
});

test('a container that is removed ends its followers; one that crashed keeps its log', async (t) => {
  await daemon.ok(['run', '-d', '--name', 'goes', 'busybox', 'sh', '-c', 'echo last words; exec sleep 1000']);
  const { child, text, closed } = follow('goes');
  await until('it is up', () => text() === 'last words\n');
  await daemon.ok(['rm', '-f', 'goes']);
  await closed;
  assert.equal(child.exitCode, 0);
  assert.match((await logs('goes')).stderr, /No such container: goes/);
  await ended(t, 'crashes', 'echo before; kill -SEGV $$');
  assert.equal((await logs('crashes')).stdout, 'before\n');
});

test('--log-opt bounds the files, and says what it does not know', async (t) => {
  const script = 'i=0; while [ $i -lt 3000 ]; do echo "line $i of a log that is cut into files"; i=$((i+1)); done';
  await ended(t, 'rotates', script, '--log-opt', 'max-size=20k', '--log-opt', 'max-file=3');
  const path = await daemon.ok(['inspect', '-f', '{{.LogPath}}', 'rotates']);
  const files = (await readdir(dirname(path))).filter(
    (name) => name.startsWith('container.log') || name.includes('.log'),
  );
  assert.equal(files.length, 3);
  for (const name of files) assert.ok((await stat(join(dirname(path), name))).size <= 20_000, name);
  const lines = (await logs('rotates')).stdout.trimEnd().split('\n');
  assert.equal(lines.at(-1), 'line 2999 of a log that is cut into files');
  assert.ok(lines.length > 300 && lines.length < 1000, `${lines.length} lines are left`);
  const inspected = await daemon.ok(['inspect', '-f', '{{json .HostConfig.LogConfig}}', 'rotates']);
  assert.deepEqual(JSON.parse(inspected), { Type: 'json-file', Config: { 'max-file': '3', 'max-size': '20k' } });

  const refused: [string[], RegExp][] = [
    [['--log-driver', 'syslog'], /k3c has no log driver 'syslog'\nhint: use json-file/],
    [['--log-opt', 'max-size=much'], /invalid size: 'much'/],
    [['--log-opt', 'tag=x'], /unknown log opt 'tag' for json-file log driver/],
  ];
  for (const [flags, message] of refused) {
    const { code, stderr } = await daemon.k3c(['run', '--rm', ...flags, 'busybox', 'true']);
    assert.equal(code, 125);
    assert.match(stderr, message);
  }
});

test('--log-driver none keeps nothing; --details tells what --log-opt names', async (t) => {
  await ended(t, 'silent', 'echo gone', '--log-driver', 'none');
  const { code, stderr } = await logs('silent');
  assert.equal(code, 1);
  assert.match(stderr, /configured logging driver does not support reading/);
  await ended(t, 'told', 'echo a; echo b', '-l', 'who=me', '--log-opt', 'labels=who');
  assert.equal((await logs('--details', 'told')).stdout, 'who=me a\nwho=me b\n');
  await ended(t, 'untold', 'echo a');
  assert.equal((await logs('--details', 'untold')).stdout, ' a\n');
});

test('a million lines come whole', async (t) => {
  await ended(t, 'million', 'yes "a line of thirty bytes in all" | head -n 1000000', '--log-opt', 'max-size=1g');
  const { stdout, ms } = await logs('million');
  assert.equal(stdout.length, 30 * 1_000_000);
  // 1.0 s on a quiet machine.
  assert.ok(ms < 20_000, `${ms.toFixed(0)} ms`);
});

test('a follower that is slower than the rotation says that it skipped, and has the end', async (t) => {
  t.after(() => daemon.k3c(['rm', '-f', 'pours']));
  const flags = ['--log-opt', 'max-size=100k', '--log-opt', 'max-file=2'];
  const script = 'read x; yes "a line of thirty bytes in all" | head -n 300000; echo the end';
  await daemon.ok(['run', '-di', '--name', 'pours', ...flags, 'busybox', 'sh', '-c', script]);
  const child = daemon.spawn(['logs', '-f', 'pours']);
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  // Not read until the container has ended: it is never held up by its followers.
  await daemon.k3c(['attach', 'pours'], { stdin: 'go\n' });
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(child, 'close');
  assert.ok(text.endsWith('the end\n'));
  assert.ok(text.length < 9_000_000);
  assert.match(errors, /output was skipped/);
});
