import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { Host } from '../context.ts';
import { openDoor } from './door.ts';
import { DoorDecoder, type Frame, frameHead, In, numberFrame, Out } from './frames.ts';

const DIGEST = 'ab'.repeat(16);

/** A HELLO as the launcher writes it. */
function hello(
  options: {
    argv?: readonly string[];
    env?: readonly string[];
    digest?: string;
    umask?: number;
    version?: number;
  } = {},
): Buffer {
  const argv = ['k3c', ...(options.argv ?? ['ps'])];
  const env = options.env ?? ['A=1', 'B=x=y'];
  const head = Buffer.alloc(53);
  head.writeUInt32LE(options.version ?? 1, 0);
  Buffer.from((options.digest ?? DIGEST).padEnd(64, '0'), 'hex').copy(head, 4);
  head[36] = 3;
  head.writeUInt16LE(24, 37);
  head.writeUInt16LE(80, 39);
  head.writeUInt32LE(options.umask ?? process.umask(), 41);
  head.writeUInt32LE(argv.length, 45);
  head.writeUInt32LE(env.length, 49);
  return Buffer.concat([head, Buffer.from(['/work', ...argv, ...env].map((text) => `${text}\0`).join(''))]);
}

class Launcher {
  readonly #socket: Socket;
  readonly #frames: Frame[] = [];
  readonly #waiting: (() => void)[] = [];
  closed = false;

  constructor(path: string) {
    this.#socket = connect(path);
    const decoder = new DoorDecoder();
    const wake = () => {
      for (const waiter of this.#waiting.splice(0)) waiter();
    };
    this.#socket.on('data', (chunk: Buffer) => {
      this.#frames.push(...decoder.push(chunk));
      wake();
    });
    this.#socket.on('close', () => {
      this.closed = true;
      wake();
    });
    this.#socket.on('error', () => undefined);
  }

  send(type: number, data: Buffer = Buffer.alloc(0)): void {
    this.#socket.write(Buffer.concat([frameHead(type, data.length), data]));
  }

  raw(data: Buffer): void {
    this.#socket.write(data);
  }

  hangUp(): void {
    this.#socket.destroy();
  }

  /** The next frame, undefined when the connection is over. */
  async next(): Promise<Frame | undefined> {
    while (this.#frames.length === 0 && !this.closed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.#frames.shift();
  }
}

async function door(t: TestContext, run: (argv: readonly string[], host: Host) => Promise<number>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'k3c-door-'));
  const path = join(directory, 'door.sock');
  const opened = await openDoor({ path, digest: DIGEST, takes: (argv) => argv[0] !== 'build', run });
  t.after(async () => {
    assert.deepEqual(await readdir(directory), ['door.sock']);
    await opened.close();
    assert.deepEqual(await readdir(directory), []);
    await rm(directory, { recursive: true });
  });
  return path;
}

describe('front door', () => {
  test('does a command: accept, go, output, exit code', async (t) => {
    const path = await door(t, async (argv, host) => {
      host.stdout.write(`${argv.join(' ')} in ${host.cwd} with ${host.env['B']} on ${host.terminal.size().columns}`);
      host.stderr.write('and an error');
      await host.flush();
      return 7;
    });
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const launcher = new Launcher(path);
    launcher.send(In.HELLO, hello({ argv: ['ps', '-a'] }));
    assert.equal((await launcher.next())?.type, Out.ACCEPT);
    launcher.send(In.GO);
    const out = await launcher.next();
    assert.deepEqual([out?.type, out?.data.toString()], [Out.STDOUT, 'ps -a in /work with x=y on 80']);
    const err = await launcher.next();
    assert.deepEqual([err?.type, err?.data.toString()], [Out.STDERR, 'and an error']);
    const exit = await launcher.next();
    assert.deepEqual([exit?.type, exit?.data.readUInt32LE(0)], [Out.EXIT, 7]);
    assert.equal(await launcher.next(), undefined);
  });

  for (const [why, options] of [
    ['another build', { digest: 'cd'.repeat(16) }],
    ['another umask', { umask: 0o777 }],
    ['another version of the frames', { version: 9 }],
    ['a command that has a process of its own', { argv: ['build', '.'] }],
  ] as const) {
    test(`declines ${why}`, async (t) => {
      const launcher = new Launcher(await door(t, () => Promise.reject(new Error('must not run'))));
      launcher.send(In.HELLO, hello(options));
      assert.equal((await launcher.next())?.type, Out.DECLINE);
      assert.equal(await launcher.next(), undefined);
    });
  }

  test('nothing runs before GO', async (t) => {
    let ran = false;
    const launcher = new Launcher(
      await door(t, async () => {
        ran = true;
        return 0;
      }),
    );
    launcher.send(In.HELLO, hello());
    assert.equal((await launcher.next())?.type, Out.ACCEPT);
    launcher.hangUp();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(ran, false);
  });

  test('stdin is asked for only when a command reads it, and arrives whole', async (t) => {
    const path = await door(t, async (_argv, host) => {
      const parts: Buffer[] = [];
      for await (const chunk of host.stdin()) parts.push(chunk as Buffer);
      host.stdout.write(String(Buffer.concat(parts).length));
      await host.flush();
      return 0;
    });
    const launcher = new Launcher(path);
    launcher.send(In.HELLO, hello());
    await launcher.next();
    launcher.send(In.GO);
    let left = 1_000_000;
    for (;;) {
      const frame = await launcher.next();
      if (frame?.type === Out.STDOUT) {
        assert.equal(frame.data.toString(), '1000000');
        break;
      }
      assert.equal(frame?.type, Out.WANT);
      const wanted = frame?.data.readUInt32LE(0) ?? 0;
      const give = Math.min(left, wanted);
      launcher.send(In.STDIN, Buffer.alloc(give));
      // The launcher reads as far as it may, and so meets the end as soon as it is allowed more than there is.
      if (give < wanted) launcher.send(In.STDIN_END);
      left -= give;
    }
  });

  test('a signal goes to a listener, else aborts; a user who leaves cancels', async (t) => {
    const seen: string[] = [];
    const path = await door(t, async (argv, host) => {
      if (argv[0] === 'listen') {
        await new Promise<void>((resolve) => host.onSignal((signal) => resolve(void seen.push(signal))));
        return 0;
      }
      await new Promise<void>((resolve) => host.signal.addEventListener('abort', () => resolve()));
      seen.push(String(host.signal.reason));
      return 0;
    });
    const start = async (command: string) => {
      const launcher = new Launcher(path);
      launcher.send(In.HELLO, hello({ argv: [command] }));
      await launcher.next();
      launcher.send(In.GO);
      return launcher;
    };
    const listening = await start('listen');
    listening.raw(numberFrame(In.SIGNAL, 2));
    assert.equal((await listening.next())?.type, Out.EXIT);
    const waiting = await start('wait');
    waiting.raw(numberFrame(In.SIGNAL, 15));
    assert.equal((await waiting.next())?.type, Out.EXIT);
    (await start('wait')).hangUp();
    while (seen.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(seen, ['SIGINT', 'SIGTERM', 'SIGPIPE']);
  });

  test('what is not a launcher is cut off', async (t) => {
    const launcher = new Launcher(await door(t, () => Promise.resolve(0)));
    launcher.raw(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    assert.equal(await launcher.next(), undefined);
  });
});
