/** Two daemons: on one root the second is refused, side by side both work; and what may be in a socket's place. */
import assert from 'node:assert/strict';
import { lstat, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { binary, run } from '../support/binary.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';

let first: Daemon;
let second: Daemon;
before(async () => {
  [first, second] = await Promise.all([startDaemon(), startDaemon()]);
});
after(() => Promise.all([first.stop(), second.stop()]));

/** A daemon that must not start: its words. */
async function refused(flags: readonly string[]): Promise<string> {
  const { code, stderr } = await run(binary, ['daemon', ...flags], { timeout: 20_000 });
  assert.equal(code, 1, stderr);
  return stderr;
}

function withFlag(flags: readonly string[], name: string, value: string): string[] {
  const at = flags.indexOf(name);
  return at < 0 ? [...flags, name, value] : [...flags.slice(0, at + 1), value, ...flags.slice(at + 2)];
}

describe('two daemons', { timeout: 60_000 }, () => {
  test('on one root: the second says who is there, and the first goes on', async () => {
    const elsewhere = withFlag(first.flags, '--state', join(first.directory, 'state2'));
    assert.match(
      await refused(elsewhere),
      new RegExp(`another k3c daemon \\(process ${first.pid}\\) uses the root directory ${first.root}\\nhint: stop it`),
    );
    const sameState = withFlag(first.flags, '--root', join(first.directory, 'root2'));
    assert.match(
      await refused(sameState),
      new RegExp(`another k3c daemon \\(process ${first.pid}\\) uses the state directory`),
    );
    assert.equal(await first.ok(['run', '--rm', 'busybox', 'echo', 'hi']), 'hi');
  });

  test('on one bridge: the second is refused', async () => {
    const flags = withFlag(second.flags, '--bridge-name', first.bridge);
    await second.end('SIGTERM');
    assert.match(await refused(flags), new RegExp(`${first.bridge}`));
    await second.start();
  });

  test('side by side each has its own containers, names and ports', async () => {
    const daemons = [first, second];
    const fetched = await Promise.all(
      daemons.map(async (daemon, at) => {
        const reply = `echo daemon-${at}`;
        await daemon.ok([
          'run',
          '-d',
          '--name',
          'same',
          '-p',
          '127.0.0.1:0:80',
          'busybox',
          'nc',
          '-ll',
          '-p',
          '80',
          '-e',
          ...reply.split(' '),
        ]);
        const port = Number(
          await daemon.ok([
            ...['inspect', '-f', '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', 'same'],
          ]),
        );
        return await fetchText(port);
      }),
    );
    assert.deepEqual(fetched, ['daemon-0\n', 'daemon-1\n']);
    for (const daemon of daemons) assert.equal(await daemon.ok(['ps', '--format', '{{.Names}}']), 'same');
    await first.end('SIGTERM');
    assert.equal(await second.ok(['run', '--rm', 'busybox', 'echo', 'still']), 'still');
    await first.start();
    assert.equal(await first.ok(['exec', 'same', 'echo', 'there']), 'there');
  });
});

describe('in the place of the socket', { timeout: 60_000 }, () => {
  test('a stale socket is replaced', async () => {
    await first.end('SIGKILL');
    assert.ok((await lstat(first.address)).isSocket());
    await first.start();
    assert.equal(await first.ok(['run', '--rm', 'busybox', 'echo', 'hi']), 'hi');
  });

  test('a file is left alone, and the daemon says so', async () => {
    const path = join(second.directory, 'precious');
    await writeFile(path, 'data');
    await second.end('SIGTERM');
    assert.match(
      await refused(withFlag(second.flags, '--address', path)),
      new RegExp(`${path} is in the way: it is not a socket\\nhint: `),
    );
    assert.equal(await readFile(path, 'utf8'), 'data');
    await second.start();
  });

  test('another daemon’s socket is left alone', async () => {
    await second.end('SIGTERM');
    assert.match(
      await refused(withFlag(second.flags, '--address', first.address)),
      /another daemon already listens on /,
    );
    assert.equal((await first.k3c(['version'])).code, 0);
    await second.start();
  });
});

/** All that a server sends; it may not be up yet. */
async function fetchText(port: number): Promise<string> {
  for (let i = 0; ; i++) {
    const text = await new Promise<string>((resolve) => {
      let read = '';
      const socket = connect(port, '127.0.0.1');
      socket.on('data', (chunk: Buffer) => {
        read += chunk.toString();
      });
      socket.on('error', () => undefined); // close follows
      socket.on('close', () => resolve(read));
    });
    if (text !== '' || i > 50) return text;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
