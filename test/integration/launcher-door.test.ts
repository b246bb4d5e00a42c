/** The launcher's side of the front door, against the daemon's side and against servers that misbehave. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../../src/cli/context.ts';
import { openDoor } from '../../src/cli/door/door.ts';
import { frameHead, numberFrame, Out } from '../../src/cli/door/frames.ts';
import { type Result, run, temporaryDirectory } from '../support/binary.ts';
import { type TinyK3c, tinyK3c } from '../support/launcher.ts';

let tiny: TinyK3c;
before(async () => {
  tiny = await tinyK3c();
});
after(() => tiny.dispose());

type Act = (argv: readonly string[], host: Host) => Promise<number>;

/** A door whose commands are `act`; the environment that leads to it. */
async function door(t: TestContext, act: Act, takes = true): Promise<Record<string, string>> {
  const path = join(temporaryDirectory(t), 'door.sock');
  const opened = await openDoor({ path, digest: '', takes: () => takes, run: act });
  t.after(() => opened.close());
  return { ...tiny.env, K3C_DOOR: path };
}

/** A door that speaks raw bytes. */
async function rawDoor(t: TestContext, onConnection: (socket: Socket) => void): Promise<Record<string, string>> {
  const path = join(temporaryDirectory(t), 'door.sock');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {
      // The launcher may leave at any time.
    });
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { ...tiny.env, K3C_DOOR: path };
}

const own = /^own program:/;

function shell(script: string, env: Record<string, string>): Promise<Result> {
  return run('bash', ['-c', script], { env: { ...env, K3C: tiny.path } });
}

test('arguments, environment, directory, streams and exit code go through', async (t) => {
  const env = await door(t, async (argv, host) => {
    host.stdout.write(`${JSON.stringify([argv, host.cwd, host.env['WORD'], host.terminal.isTty])}\n`);
    host.stderr.write('to stderr\n');
    await host.flush();
    return 7;
  });
  const result = await run(tiny.path, ['ps', '-a', 'ä ö', ''], { env: { ...env, WORD: 'a=b\nc' }, cwd: '/usr' });
  const tty = { stdin: false, stdout: false, stderr: false };
  assert.deepEqual(JSON.parse(result.stdout), [['ps', '-a', 'ä ö', ''], '/usr', 'a=b\nc', tty]);
  assert.deepEqual([result.code, result.stderr], [7, 'to stderr\n']);
});

test('a large environment goes through', async (t) => {
  const env = await door(t, async (_argv, host) => {
    host.stdout.write(String(host.env['BIG_99']?.length));
    await host.flush();
    return 0;
  });
  for (let i = 0; i < 100; i++) env[`BIG_${i}`] = 'x'.repeat(15_000);
  assert.equal((await run(tiny.path, ['ps'], { env })).stdout, '15000');
});

test('what the daemon declines, ignores, closes or answers wrongly is done by the own program, once', async (t) => {
  const declined = await door(t, () => assert.fail('ran'), false);
  const closed = await rawDoor(t, (socket) => socket.once('data', () => socket.end()));
  const silent = await rawDoor(t, () => undefined);
  const garbage = await rawDoor(t, (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
  for (const env of [declined, closed, silent, garbage, { ...tiny.env, K3C_DOOR: '/nonexistent/door.sock' }]) {
    const result = await run(tiny.path, ['ps', 'x'], { env });
    assert.deepEqual([result.code, result.stderr], [42, '']);
    assert.match(result.stdout, /^own program: ps x self=\S+\/k3c netlink=-\n$/);
  }
});

test('daemon, options first, hidden commands, another address and another user stay outside', async (t) => {
  const env = await door(t, async () => 0);
  assert.equal((await run(tiny.path, ['ps'], { env })).code, 0);
  const { K3C_DOOR: path = '', ...unplaced } = env;
  for (const address of [join(path, '../k3c.sock'), `unix://${join(path, '../k3c.sock')}`]) {
    assert.equal((await run(tiny.path, ['ps'], { env: { ...unplaced, K3C_ADDRESS: address } })).code, 0, address);
  }
  for (const args of [['daemon'], ['--version'], ['__internal'], []]) {
    assert.equal((await run(tiny.path, args, { env })).code, 42, args.join(' '));
  }
  for (const address of [
    join(path, '../other.sock'),
    join(path, '../elsewhere/k3c.sock'),
    'k3c.sock',
    'tcp://k3c.sock',
  ]) {
    assert.equal((await run(tiny.path, ['ps'], { env: { ...unplaced, K3C_ADDRESS: address } })).code, 42, address);
  }

  chmodSync(join(path, '..'), 0o777);
  chmodSync(path, 0o777);
  chmodSync(tiny.directory, 0o755);
  assert.equal((await run(tiny.path, ['ps'], { env, uid: 65534, gid: 65534 })).code, 42);
  chownSync(path, 65534, 65534);
  assert.equal((await run(tiny.path, ['ps'], { env })).code, 42, "another user's socket");
});

test('a command that sees other files than the daemon does stays outside', async (t) => {
  const env = await door(t, async () => 0);
  for (const wrapper of [
    ['unshare', '--mount'],
    ['unshare', '--mount', '--pid', '--fork', '--mount-proc'],
  ]) {
    const [program = '', ...options] = wrapper;
    assert.equal((await run(program, [...options, tiny.path, 'ps'], { env })).code, 42, wrapper.join(' '));
  }
  assert.equal((await run('unshare', ['--net', tiny.path, 'ps'], { env })).code, 0);
});

test('only the daemon gets netlink sockets', async () => {
  const env = { ...tiny.env, K3C_NL_FD: '1,2', K3C_SELF: '/bin/sh' };
  assert.match((await run(tiny.path, ['daemon'], { env })).stdout, /netlink=\d+,\d+\n$/);
  assert.match((await run(tiny.path, ['--log-level', 'debug', 'daemon'], { env })).stdout, /netlink=\d+,\d+\n$/);
  const other = await run(tiny.path, ['run', 'daemon'], { env });
  assert.match(other.stdout, own);
  assert.match(other.stdout, /self=\S+\/k3c netlink=-\n$/);
});

test('a daemon that goes away in the middle is told in a sentence', async (t) => {
  const env = await rawDoor(t, (socket) => {
    socket.once('data', () => socket.write(frameHead(Out.ACCEPT, 0)));
    setTimeout(() => socket.end(Buffer.concat([frameHead(Out.STDOUT, 3), Buffer.from('abc')])), 50).unref();
  });
  const result = await run(tiny.path, ['ps'], { env });
  assert.deepEqual([result.code, result.stdout], [125, 'abc']);
  assert.equal(result.stderr, 'k3c: the daemon went away before the command had ended\n');
});

test('64 MB through the daemon and back keep their digest and do not deadlock', async (t) => {
  const env = await door(t, async (_argv, host) => {
    for await (const chunk of host.stdin()) {
      if (!host.stdout.write(chunk)) await new Promise((resolve) => host.stdout.once('drain', resolve));
    }
    await host.flush();
    return 0;
  });
  const data = randomBytes(64 << 20);
  const file = join(temporaryDirectory(t), 'data');
  await run('tee', [file], { input: data });
  const result = await shell(`"$K3C" cat < ${file} | sha256sum`, env);
  assert.equal(result.stdout.slice(0, 64), createHash('sha256').update(data).digest('hex'));
});

test('stdin that nobody asked for stays for the next reader', async (t) => {
  const env = await door(t, async (argv, host) => {
    if (argv[0] === 'read') host.stdin().resume();
    await host.flush();
    return 0;
  });
  const loop = `printf 'a\\nb\\nc\\n' | while read -r line; do "$K3C" ps; echo "$line"; done`;
  assert.equal((await shell(loop, env)).stdout, 'a\nb\nc\n');
});

test('closed standard streams are not taken for something else', async (t) => {
  const env = await door(t, async (argv, host) => {
    let read = 0;
    for await (const chunk of host.stdin()) read += (chunk as Buffer).length;
    host.stdout.write(`${argv.join()} ${read}`);
    await host.flush();
    return 6;
  });
  assert.deepEqual(await shell('"$K3C" ps <&-', env).then(({ code, stdout }) => [code, stdout]), [6, 'ps 0']);
  assert.deepEqual(await shell('"$K3C" ps <&- >&- 2>&-', env).then(({ code, stdout }) => [code, stdout]), [6, '']);
  const outside = await shell('"$K3C" ps <&-', tiny.env);
  assert.equal(outside.code, 42);
  assert.match(outside.stdout, own);
});

test('signals reach the command', async (t) => {
  const mark = join(temporaryDirectory(t), 'listening');
  const env = await door(t, async (_argv, host) => {
    const received = new Promise<string>((resolve) => host.onSignal(resolve));
    writeFileSync(mark, '');
    host.stdout.write(await received);
    await host.flush();
    return 5;
  });
  for (const name of ['INT', 'TERM', 'HUP', 'QUIT', 'USR1']) {
    const script = `"$K3C" wait & until [ -e ${mark} ]; do sleep 0.02; done; rm ${mark}; kill -${name} $!; wait $!`;
    const result = await shell(script, env);
    assert.deepEqual([result.code, result.stdout], [5, `SIG${name}`]);
  }
});

test('a closed pipe ends the launcher by SIGPIPE and cancels the command', async (t) => {
  let cancelled: (() => void) | undefined;
  const wasCancelled = new Promise<void>((resolve) => {
    cancelled = resolve;
  });
  const env = await door(t, async (_argv, host) => {
    host.signal.addEventListener('abort', () => cancelled?.(), { once: true });
    while (!host.signal.aborted) {
      await new Promise<void>((resolve) => host.stdout.write('x'.repeat(65536), () => resolve()));
    }
    return 0;
  });
  // biome-ignore lint/suspicious/noTemplateCurlyInString: bash expands it
  const result = await shell('"$K3C" yes | head -c 10; echo " ${PIPESTATUS[0]}"', env);
  assert.equal(result.stdout, 'xxxxxxxxxx 141\n');
  await wasCancelled;
});

test('a daemon that takes no signals is left at the second one', async (t) => {
  const mark = join(temporaryDirectory(t), 'accepted');
  const env = await rawDoor(t, (socket) => {
    socket.once('data', () => {
      // Wants all of stdin and reads nothing: the launcher's queue fills up.
      socket.write(Buffer.concat([frameHead(Out.ACCEPT, 0), numberFrame(Out.WANT, 0x7fffffff)]));
      socket.pause();
      writeFileSync(mark, '');
    });
  });
  // Again and again: one that comes before the queue is full counts for nothing.
  const script = `"$K3C" cat < <(yes) & pid=$!; until [ -e ${mark} ]; do sleep 0.02; done; sleep 0.1
    while kill -INT $pid 2>/dev/null; do sleep 0.2; done; wait $pid; echo $?`;
  assert.equal((await shell(script, env)).stdout, '130\n');
});

test('under a terminal: its size, its changes, raw mode and the way back', async (t) => {
  const env = await door(t, async (argv, host) => {
    const { columns, rows } = host.terminal.size();
    host.stdout.write(`size ${columns}x${rows} ${JSON.stringify(host.terminal.isTty)}\r\n`);
    if (argv[0] === 'resize') {
      const size = await new Promise<{ columns: number }>((resolve) => host.terminal.onResize(resolve));
      host.stdout.write(`now ${size.columns}\r\n`);
    } else host.terminal.setRawMode(true);
    await host.flush();
    await sleep(400);
    return 0;
  });
  const inTerminal = (script: string) =>
    run('script', ['-qec', `bash -c '${script}'`, '/dev/null'], { env: { ...env, K3C: tiny.path, TERM: 'xterm' } });
  const mode = 'stty -F /dev/tty -a | grep -o -- "-\\?icanon"';
  const raw = await inTerminal(`stty cols 91 rows 33; (sleep 0.2; ${mode}) & "$K3C" raw; wait; ${mode}`);
  const [size, ...modes] = raw.stdout.trim().split(/[\r\n]+/);
  assert.equal(size, 'size 91x33 {"stdin":true,"stdout":true,"stderr":true}');
  assert.deepEqual(modes, ['-icanon', 'icanon']);
  const resized = await inTerminal('stty cols 91 rows 33; (sleep 0.2; stty -F /dev/tty cols 77) & "$K3C" resize');
  assert.match(resized.stdout, /now 77/);
});
