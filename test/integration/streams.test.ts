/** Streams of containers on a real containerd: nothing lost, whatever ends or restarts in between. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode } from '../../src/api/errors.ts';
import { type Containerd, connectContainerd } from '../../src/daemon/backends/containerd.ts';
import { repairFifos } from '../../src/daemon/backends/fifos.ts';
import { ContainerIo } from '../../src/daemon/engine/streams/container-io.ts';
import { readLog } from '../../src/daemon/engine/streams/read-log.ts';
import { startError } from '../../src/daemon/engine/streams/start-error.ts';
import type { Attachment } from '../../src/daemon/engine/streams/types.ts';
import { type CriContainer, CriPod } from '../support/cri-container.ts';
import { type Engine, startEngine } from '../support/engine.ts';

const OUTPUT = { stdin: false, stdout: true, stderr: true };
const ALL = { stdin: true, stdout: true, stderr: true };

let root = '';
let state = '';
let engine: Engine;
let containerd: Containerd;
let pod: CriPod;

before(async () => {
  root = await mkdtemp('/tmp/k3c-streams-r-');
  state = await mkdtemp('/tmp/k3c-streams-s-');
  engine = await startEngine({ root, state, buildkit: false });
  containerd = connectContainerd(engine.containerdSocket);
  pod = await CriPod.run({ containerd, root, state }, 'streams');
});

after(async () => {
  containerd?.close();
  await engine?.stop();
  for (const path of [root, state]) await rm(path, { recursive: true, force: true });
});

async function collect(attachment: Attachment): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const { data } of attachment.output) parts.push(data);
  return Buffer.concat(parts);
}

async function logged(container: CriContainer): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const { data } of readLog(container.options.logPath ?? '', { stdout: true, stderr: true }))
    parts.push(data);
  return Buffer.concat(parts);
}

const md5 = (data: Buffer) => createHash('md5').update(data).digest('hex');

/** Runs a command to its end; its output as the client got it. */
async function run(...command: string[]): Promise<string> {
  const container = await pod.create({ command });
  const output = collect(container.io.attach(OUTPUT));
  await container.start();
  await container.wait();
  const text = (await output).toString();
  assert.equal((await logged(container)).toString(), text);
  void containerd.cri.removeContainer({ containerId: container.criId }).catch(() => {
    // CRI may not have noticed the exit yet; the pod's end removes it.
  });
  return text;
}

const fds = async () => (await readdir('/proc/self/fd')).length;

test('the output of `echo hi` is never lost, one after the other', { timeout: 120_000 }, async () => {
  const before = await fds();
  for (let i = 0; i < 100; i++) assert.equal(await run('echo', 'hi'), 'hi\n');
  assert.ok(Math.abs((await fds()) - before) <= 2, 'files stay open');
});

test('the output of `echo hi` is never lost, six at once', { timeout: 120_000 }, async () => {
  const worker = async () => {
    for (let i = 0; i < 20; i++) assert.equal(await run('echo', 'hi'), 'hi\n');
  };
  await Promise.all(Array.from({ length: 6 }, worker));
  assert.deepEqual(await readdir(join(state, 'io')), []);
});

test('exit codes and signals', async () => {
  for (const code of [0, 1, 99, 255]) {
    const container = await pod.create({ command: ['sh', '-c', `exit ${code}`] });
    await container.start();
    assert.equal((await container.wait()).exitCode, code);
  }
  const killed = await pod.create({ command: ['sleep', '1000'] });
  await killed.start();
  await killed.kill();
  const { exitCode, oomKilled } = await killed.wait();
  assert.deepEqual({ exitCode, oomKilled }, { exitCode: 137, oomKilled: false });
});

test('killed for lack of memory', async () => {
  const container = await pod.create({ command: ['tail', '/dev/zero'], memoryBytes: 16 << 20 });
  await container.start();
  const { exitCode, oomKilled, reason } = await container.wait();
  assert.deepEqual({ exitCode, oomKilled, reason }, { exitCode: 137, oomKilled: true, reason: 'OOMKilled' });
});

test('a command that cannot be started: docker’s words, the client’s end, nothing left', async () => {
  for (const [command, reason, words] of [
    ['nosuch', 'command-not-found', /exec: "nosuch": executable file not found in \$PATH$/],
    ['/no/such', 'command-not-found', /stat \/no\/such: no such file or directory$/],
    ['/etc', 'command-not-invocable', /is a directory$/],
    ['/etc/passwd', 'command-not-invocable', /permission denied$/],
  ] as const) {
    const container = await pod.create({ command: [command] });
    const output = collect(container.io.attach(OUTPUT));
    await assert.rejects(container.start(), (error) => {
      const refused = startError(error);
      assert.equal(refused.reason, reason);
      assert.match(refused.message, /^OCI runtime create failed: /);
      assert.match(refused.message, words);
      return true;
    });
    assert.equal((await output).length, 0);
  }
  assert.deepEqual(await readdir(join(state, 'io')), []);
});

test('20 MB of stdin arrive whole, and its end too', async () => {
  const container = await pod.create({ command: ['md5sum'], stdin: true });
  const client = container.io.attach(ALL);
  const output = collect(client);
  const data = randomBytes(20 << 20);
  // The input is there, and ends, before the container starts.
  void client.writeStdin(data.subarray(0, 1000));
  await container.start();
  for (let at = 1000; at < data.length; at += 100_000) await client.writeStdin(data.subarray(at, at + 100_000));
  client.endStdin();
  assert.equal((await container.wait()).exitCode, 0);
  assert.equal((await output).toString(), `${md5(data)}  -\n`);
});

test('input that ended before the start is read after it', async () => {
  const container = await pod.create({ command: ['cat'], stdin: true });
  const client = container.io.attach(ALL);
  const output = collect(client);
  await client.writeStdin(Buffer.from('early'));
  client.endStdin();
  await sleep(50);
  await container.start();
  await container.wait();
  assert.equal((await output).toString(), 'early');
});

test('50 MB go through cat and come back, and are in the log', { timeout: 60_000 }, async () => {
  const container = await pod.create({ command: ['cat'], stdin: true, logLimits: { maxBytes: 0, maxFiles: 1 } });
  const client = container.io.attach(ALL);
  const output = collect(client);
  await container.start();
  const data = randomBytes(50 << 20);
  for (let at = 0; at < data.length; at += 65_536) await client.writeStdin(data.subarray(at, at + 65_536));
  client.endStdin();
  await container.wait();
  assert.equal(md5(await output), md5(data));
  assert.equal(md5(await logged(container)), md5(data));
});

test('stdin that is not once stays open when a client ends its own', async () => {
  const container = await pod.create({ command: ['cat'], stdin: true, stdinOnce: false });
  const output = collect(container.io.attach(OUTPUT));
  await container.start();
  for (const text of ['one ', 'two ']) {
    const client = container.io.attach({ stdin: true, stdout: false, stderr: false });
    await client.writeStdin(Buffer.from(text));
    client.endStdin();
    client.detach();
  }
  await sleep(100);
  await container.kill();
  await container.wait();
  assert.equal((await output).toString(), 'one two ');
});

test('a terminal: its size, what is typed, and output in one stream', async () => {
  const container = await pod.create({ command: ['sh'], stdin: true, tty: true });
  const client = container.io.attach(ALL);
  const output = collect(client);
  await container.start();
  await container.io.resize({ width: 97, height: 31 });
  await client.writeStdin(Buffer.from('stty size; echo err >&2\n'));
  client.endStdin();
  await sleep(200);
  await client.writeStdin(Buffer.from('exit\n'));
  assert.equal((await container.wait()).exitCode, 0);
  const text = (await output).toString();
  assert.match(text, /31 97\r\n/);
  assert.match(text, /\r\nerr\r\n/);
});

test('a slow client holds the container and gets every byte; after the exit nothing is dropped', async () => {
  const container = await pod.create({ command: ['sh', '-c', 'head -c 5000000 /dev/zero; echo end'] });
  const client = container.io.attach(OUTPUT);
  await container.start();
  const reading = client.output[Symbol.asyncIterator]();
  let bytes = 0;
  for (let i = 0; i < 5; i++) {
    bytes += (await reading.next()).value?.data.length ?? 0;
    await sleep(50);
  }
  const running = await containerd.tasks.get({ containerId: container.criId, execId: '' });
  assert.equal(running.process?.status, 2, 'it is held');
  const done = container.wait();
  let last: Buffer = Buffer.alloc(0);
  for (let next = await reading.next(); !next.done; next = await reading.next()) {
    bytes += next.value.data.length;
    last = next.value.data;
  }
  await done;
  assert.equal(bytes, 5_000_004);
  assert.ok(last.toString().endsWith('end\n'));
});

test('of two clients the one that does not read is cut off and the other gets everything', async () => {
  const container = await pod.create({ command: ['sh', '-c', 'head -c 30000000 /dev/zero; echo end'] });
  const stuck = container.io.attach(OUTPUT);
  const quick = collect(container.io.attach(OUTPUT));
  await container.start();
  await container.wait();
  assert.equal((await quick).length, 30_000_004);
  await assert.rejects(collect(stuck), (error) => hasCode(error, Code.RESOURCE_EXHAUSTED));
});

test('a client that comes later sees the log and then what follows, without a gap', async () => {
  const counting = 'i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done';
  const container = await pod.create({ command: ['sh', '-c', counting] });
  await container.start();
  const clients: Promise<Buffer>[] = [];
  for (let i = 0; i < 5; i++) {
    clients.push(collect(container.io.attach({ ...OUTPUT, logs: true })));
    await sleep(15);
  }
  await container.wait();
  const expected = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join('');
  for (const client of clients) assert.ok((await client).toString() === expected);
});

const TICKS = 'i=0; while [ $i -lt 40 ]; do echo tick $i; i=$((i+1)); sleep 0.05; done; exit 5';
const ALL_TICKS = Array.from({ length: 40 }, (_, i) => `tick ${i}\n`).join('');

test('containerd is killed while output flows: no gap, and the exit code is right', async () => {
  const container = await pod.create({ command: ['sh', '-c', TICKS] });
  const output = collect(container.io.attach(OUTPUT));
  await container.start();
  const exit = container.wait();
  await sleep(300);
  await engine.kill('containerd');
  await sleep(300);
  await repairFifos(join(state, 'containerd'));
  await engine.start('containerd');
  assert.equal((await exit).exitCode, 5);
  assert.equal((await output).toString(), ALL_TICKS);
  assert.equal((await logged(container)).toString(), ALL_TICKS);
});

test('a created container outlives a restart of containerd before its start', async () => {
  const container = await pod.create({ command: ['echo', 'late'] });
  const { options } = container;
  container.io.failed();
  await rm(options.logPath ?? '', { force: true });
  await engine.kill('containerd');
  await repairFifos(join(state, 'containerd'));
  await engine.start('containerd');
  container.io = await ContainerIo.prepare(options);
  const output = collect(container.io.attach(OUTPUT));
  await container.start();
  await container.wait();
  assert.equal((await output).toString(), 'late\n');
});

test('the daemon stops and comes back while output flows: no gap in the log', async () => {
  const container = await pod.create({ command: ['sh', '-c', TICKS] });
  const client = assert.rejects(collect(container.io.attach(OUTPUT)), (error) => hasCode(error, Code.UNAVAILABLE));
  await container.start();
  await sleep(300);
  await container.io.close();
  await client;
  await sleep(300);
  container.io = await ContainerIo.reopen(container.options);
  const output = collect(container.io.attach({ ...OUTPUT, logs: true }));
  assert.equal((await container.wait()).exitCode, 5);
  assert.equal((await output).toString(), ALL_TICKS);
  assert.equal((await logged(container)).toString(), ALL_TICKS);
});

test('a container that ended while the daemon was away is closed at once', async () => {
  const container = await pod.create({ command: ['sh', '-c', 'echo before; sleep 0.3; exit 3'] });
  await container.start();
  await sleep(150);
  await container.io.close();
  await sleep(500);
  container.io = await ContainerIo.reopen(container.options);
  const output = collect(container.io.attach(OUTPUT));
  const start = performance.now();
  assert.equal((await container.wait()).exitCode, 3);
  assert.ok(performance.now() - start < 1000);
  assert.equal((await output).length, 0);
  assert.equal((await logged(container)).toString(), 'before\n');
});

test('streams that are gone are said, and the container goes on', async () => {
  const container = await pod.create({ command: ['sh', '-c', 'sleep 0.3; exit 4'] });
  await container.start();
  await container.io.close();
  await rm(join(state, 'io'), { recursive: true });
  const said: string[] = [];
  const log = { ...container.options.log, warn: (_: object, message: string) => void said.push(message) };
  container.io = await ContainerIo.reopen({ ...container.options, log });
  assert.deepEqual(said, ['the streams of a container are lost']);
  const output = collect(container.io.attach(OUTPUT));
  assert.equal((await container.wait()).exitCode, 4);
  assert.equal((await output).length, 0);
});

test('CRI has its own FIFOs back, and its log file has our records', async () => {
  const container = await pod.create({ command: ['sh', '-c', 'printf "a\\r\\n"; sleep 100'] });
  await container.start();
  await sleep(100);
  const io = join(state, 'containerd/io.containerd.grpc.v1.cri/containers', container.criId, 'io');
  for (const name of await readdir(io)) {
    assert.deepEqual((await readdir(join(io, name))).sort(), [
      `${container.criId}-stderr`,
      `${container.criId}-stdout`,
    ]);
  }
  const { status } = await containerd.cri.containerStatus({ containerId: container.criId });
  assert.equal(status?.logPath, container.options.logPath);
  assert.match(await readFile(container.options.logPath ?? '', 'latin1'), / stdout F a\r\n$/);
  await container.kill();
  await container.wait();
});

test('nothing is left: no FIFO of ours', async () => {
  assert.deepEqual(await readdir(join(state, 'io')).catch(() => []), []);
});
