import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../support/k3c.ts';

/**
 * Of what two `cat` and this program reach together at the same time: a machine that does other things beside slows both
 * down. On a quiet one a stream has a third of it (npm run bench has the figures); below this floor it crawls.
 */
const FLOOR = 1 / 20;
const MEGABYTES = 200;

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  await daemon.ok(['run', '-d', '--name', 'host', '-e', 'OWN=1', 'busybox', 'sleep', '100000']);
});
after(() => daemon.stop());

/** Waits until it is so. */
async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await condition()) return;
    await sleep(50);
  }
  assert.fail(`not so after ten seconds: ${what}`);
}

function collect(child: ChildProcess): { text(): string; readonly closed: Promise<unknown> } {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { text: () => text, closed: once(child, 'close') };
}

const exec = (...args: readonly string[]) => daemon.k3c(['exec', ...args]);

describe('exec', () => {
  test('takes variables, a file of them, a directory and a user', async () => {
    const file = join(daemon.directory, 'variables');
    await writeFile(file, '# a comment\nFROM_FILE=f\nBOTH=file\n');
    const words = ['-e', 'A=1', '-e', 'BOTH=flag', '--env-file', file, '-w', '/tmp', '-u', '65534:65534', 'host'];
    const { stdout } = await exec(...words, 'sh', '-c', 'echo $A $BOTH $FROM_FILE $OWN $(pwd) $(id -u):$(id -g)');
    assert.equal(stdout, '1 flag f 1 /tmp 65534:65534\n');
    assert.equal((await exec('-u', 'nobody', 'host', 'id', '-u')).stdout, '65534\n');
  });

  test('--privileged has every capability of the daemon, and others have not', async () => {
    const capabilities = async (...flags: string[]) => {
      const { stdout } = await exec(...flags, 'host', 'grep', 'CapEff', '/proc/self/status');
      return BigInt(`0x${stdout.split('\t')[1]?.trim()}`);
    };
    const own = /CapEff:\t(\w+)/.exec(await readFile('/proc/self/status', 'utf8'))?.[1];
    assert.equal(await capabilities('--privileged'), BigInt(`0x${own}`));
    assert.ok((await capabilities()) < BigInt(`0x${own}`));
  });

  test('says with 126 and 127 why a command cannot run, and with 1 where', async () => {
    const cases: [string[], number, RegExp][] = [
      [['host', 'nosuch'], 127, /exec: "nosuch": executable file not found in \$PATH/],
      [['host', '/etc'], 126, /permission denied|is a directory/],
      [['-w', '/nosuch', 'host', 'true'], 126, /chdir to cwd \("\/nosuch"\)/],
      [['-u', 'stranger', 'host', 'true'], 126, /unable to find user stranger: no matching entries in passwd file/],
      [['nobody-there', 'true'], 1, /No such container: nobody-there/],
      [['host', 'sh', '-c', 'exit 126'], 126, /^$/],
      [['host', 'sh', '-c', 'kill -9 $$'], 137, /^$/],
    ];
    for (const [words, code, message] of cases) {
      const result = await exec(...words);
      assert.equal(result.code, code, words.join(' '));
      assert.match(result.stderr, message);
    }
  });

  test('-d comes back at once; its end is an event', async () => {
    const since = String(Date.now() / 1000 - 1);
    const { code, stdout } = await exec('-d', 'host', 'sh', '-c', 'sleep 0.3; echo done >/tmp/detached; exit 5');
    assert.deepEqual([code, stdout], [0, '']);
    await until('the file is there', async () => (await exec('host', 'cat', '/tmp/detached')).stdout === 'done\n');
    await until('its exit code is in the history', async () => {
      const words = ['events', '--since', since, '--until', String(Date.now() / 1000), '--filter', 'event=exec_die'];
      return /exitCode=5/.test((await daemon.k3c(words)).stdout);
    });
  });

  test('50 at once in one container, each with its own answer', async () => {
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        daemon.k3c(['exec', '-i', 'host', 'sh', '-c', `cat; echo ${i} >&2; exit ${i}`], { stdin: `input ${i}\n` }),
      ),
    );
    for (const [i, { code, stdout, stderr }] of results.entries())
      assert.deepEqual([code, stdout, stderr], [i, `input ${i}\n`, `${i}\n`]);
    assert.deepEqual(
      (await readdir(join(daemon.state, 'io'))).filter((name) => name.includes('.')),
      [],
    );
  });

  test('a half-close ends the input and not the output', async () => {
    const script = 'cat >/tmp/in; sleep 0.3; wc -c </tmp/in; echo late';
    const { stdout } = await daemon.k3c(['exec', '-i', 'host', 'sh', '-c', script], { stdin: 'x'.repeat(100_000) });
    assert.equal(stdout, '100000\nlate\n');
  });

  for (const direct of [false, true]) {
    const way = direct ? 'in a process of its own' : 'through the front door';
    test(`a client that is killed leaves neither FIFO nor reader, ${way}`, async () => {
      const client = daemon.spawn(['exec', '-i', 'host', 'sh', '-c', 'echo up; cat; sleep 321'], { direct });
      const { text } = collect(client);
      await until('it runs', async () => text() === 'up\n');
      client.kill('SIGKILL');
      // Its input ends with it; what goes on without input goes on, as docker's does.
      await until('cat has ended', async () => !/ cat$/m.test((await exec('host', 'ps')).stdout));
      assert.match((await exec('host', 'ps')).stdout, /sleep 321$/m);
      assert.deepEqual(
        (await readdir(join(daemon.state, 'io'))).filter((name) => name.includes('.')),
        [],
      );
      // Not the container's own, which is PID 1 there.
      assert.equal((await exec('host', 'killall', 'sleep')).code, 0);
    });
  }
});

describe('attach', () => {
  async function background(t: TestContext, name: string, ...words: string[]) {
    await daemon.ok(['run', '-d', '--name', name, ...words]);
    t.after(() => daemon.k3c(['rm', '-f', name]));
  }

  test('several see the same; the container ends with its exit code for all', async (t) => {
    await background(
      t,
      'many',
      '-i',
      'busybox',
      'sh',
      '-c',
      'while read x; do echo "got $x"; [ $x = end ] && exit 4; done',
    );
    const clients = Array.from({ length: 3 }, (_, i) => daemon.spawn(['attach', 'many'], { direct: i === 1 }));
    const seen = clients.map(collect);
    // One that is attached already answers; lines come until all are there.
    await until('all are attached', async () => {
      clients[0]?.stdin?.write('hello\n');
      return seen.every(({ text }) => text().includes('got hello\n'));
    });
    clients[1]?.stdin?.write('from the second\n');
    await until('all have the second’s', async () =>
      seen.every(({ text }) => text().includes('got from the second\n')),
    );
    clients[2]?.stdin?.write('end\n');
    for (const { closed } of seen) await closed;
    assert.deepEqual(
      clients.map(({ exitCode }) => exitCode),
      [4, 4, 4],
    );
    for (const { text } of seen) assert.ok(text().endsWith('got end\n'));
  });

  test('--no-stdin leaves the input to others', async (t) => {
    await background(t, 'watched', '-i', 'busybox', 'sh', '-c', 'read x; echo "read $x"');
    const watcher = daemon.spawn(['attach', '--no-stdin', 'watched']);
    const { text, closed } = collect(watcher);
    watcher.stdin?.end('not this\n');
    await sleep(300);
    assert.equal(text(), '');
    const { stdout } = await daemon.k3c(['attach', 'watched'], { stdin: 'this\n' });
    assert.equal(stdout, 'read this\n');
    await closed;
    assert.equal(text(), 'read this\n');
  });

  test('signals go to the process, unless --sig-proxy is off', async (t) => {
    await background(
      t,
      'traps',
      'busybox',
      'sh',
      '-c',
      'trap "echo term; exit 9" TERM; while :; do echo up; sleep 0.05; done',
    );
    const apart = daemon.spawn(['attach', '--sig-proxy=false', 'traps'], { direct: true });
    const aside = collect(apart);
    await until('it is attached', async () => aside.text() !== '');
    apart.kill('SIGTERM');
    await aside.closed;
    assert.doesNotMatch(aside.text(), /term/);
    const client = daemon.spawn(['attach', 'traps'], { direct: true });
    const { text, closed } = collect(client);
    await until('it is attached', async () => text() !== '');
    client.kill('SIGTERM');
    await closed;
    assert.match(text(), /term\n$/);
    assert.equal(client.exitCode, 9);
  });

  test('start -ai has the whole output of the new attempt', async (t) => {
    await daemon.ok(['create', '-i', '--name', 'again', 'busybox', 'sh', '-c', 'cat; echo end; exit 3']);
    t.after(() => daemon.k3c(['rm', '-f', 'again']));
    for (const input of ['one', 'two']) {
      const { code, stdout } = await daemon.k3c(['start', '-ai', 'again'], { stdin: `${input}\n` });
      assert.deepEqual([code, stdout], [3, `${input}\nend\n`]);
    }
  });
});

for (const direct of [false, true]) {
  describe(`${MEGABYTES} MB ${direct ? 'with a process of its own' : 'through the front door'}`, () => {
    const size = MEGABYTES * 1_000_000;

    const hash = async (child: ChildProcess) => {
      const digest = createHash('md5');
      child.stdout?.on('data', (chunk: Buffer) => digest.update(chunk));
      const started = performance.now();
      await once(child, 'close');
      assert.equal(child.exitCode, 0);
      return { md5: digest.digest('hex'), rate: size / 1000 / (performance.now() - started) };
    };

    /** The bytes are the file's, and come at a speed that is right. */
    const comesWhole = async (child: ChildProcess) => {
      const stream = await hash(child);
      const pipe = await hash(spawn('sh', ['-c', 'cat "$0" | cat', file], { stdio: ['ignore', 'pipe', 'inherit'] }));
      assert.deepEqual([stream.md5, pipe.md5], [md5, md5]);
      assert.ok(stream.rate > pipe.rate * FLOOR, `${stream.rate.toFixed(0)} MB/s, a pipe has ${pipe.rate.toFixed(0)}`);
    };

    let file: string;
    let md5: string;
    before(async () => {
      file = join(daemon.directory, 'bulk');
      const block = randomBytes(1_000_000);
      const digest = createHash('md5');
      const handle = await open(file, 'w');
      for (let i = 0; i < MEGABYTES; i++) {
        block.writeUInt32LE(i);
        digest.update(block);
        await handle.write(block);
      }
      await handle.close();
      md5 = digest.digest('hex');
      await daemon.ok(['run', '-d', '--name', 'bulk', '-v', `${file}:/bulk:ro`, 'busybox', 'sleep', '100000']);
    });
    after(() => daemon.k3c(['rm', '-f', 'bulk']));

    test('out of an exec, and out of a run', async () => {
      await comesWhole(daemon.spawn(['exec', 'bulk', 'cat', '/bulk'], { direct }));
      const words = ['run', '--rm', '-v', `${file}:/bulk:ro`, 'busybox', 'cat', '/bulk'];
      await comesWhole(daemon.spawn(words, { direct }));
    });

    test('into an exec and out again, at the same time, within bounded memory', async () => {
      const resident = async () =>
        Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${daemon.pid}/status`, 'utf8'))?.[1]) / 1024;
      const before = await resident();
      const client = daemon.spawn(['exec', '-i', 'bulk', 'cat'], { direct });
      createReadStream(file).pipe(client.stdin as NodeJS.WritableStream);
      await comesWhole(client);
      const grown = (await resident()) - before;
      assert.ok(grown < 150, `the daemon has grown by ${grown.toFixed(0)} MB`);
    });

    test('out of a container to one who attaches', async (t) => {
      const words = [
        '-di',
        '--name',
        'pours',
        '-v',
        `${file}:/bulk:ro`,
        'busybox',
        'sh',
        '-c',
        'read x; exec cat /bulk',
      ];
      await daemon.ok(['run', ...words]);
      t.after(() => daemon.k3c(['rm', '-f', 'pours']));
      const client = daemon.spawn(['attach', 'pours'], { direct });
      client.stdin?.write('go\n');
      await comesWhole(client);
    });
  });
}

test('a daemon that is restarted cuts off its execs with a word and an exit code, and leaves no FIFO', async () => {
  const clients = [false, true].map((direct) =>
    daemon.spawn(['exec', 'host', 'sh', '-c', 'echo up; sleep 4321'], { direct }),
  );
  const seen = clients.map((client) => {
    let errors = '';
    client.stderr?.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    return { ...collect(client), errors: () => errors };
  });
  await until('both run', async () => seen.every(({ text }) => text() === 'up\n'));
  await daemon.end('SIGTERM');
  for (const { closed, errors } of seen) {
    await closed;
    assert.match(errors(), /the k3c daemon is stopping|the daemon went away|the connection to .* was lost/);
  }
  assert.ok(clients.every(({ exitCode }) => exitCode !== 0 && exitCode !== null));
  await daemon.start();
  assert.deepEqual(
    (await readdir(join(daemon.state, 'io'))).filter((name) => name.includes('.')),
    [],
  );
  assert.equal((await exec('host', 'echo', 'fine')).stdout, 'fine\n');
  // They go on, as docker's do, and end like any other process.
  assert.equal((await exec('host', 'killall', 'sleep')).code, 0);
  await until('none is left', async () => !(await exec('host', 'ps')).stdout.includes('sleep 4321'));
});
