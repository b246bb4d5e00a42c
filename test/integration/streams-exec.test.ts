/** Execs on a real containerd, on FIFOs of their own. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, hasCode, K3cError } from '../../src/api/errors.ts';
import { type Containerd, connectContainerd } from '../../src/daemon/backends/containerd.ts';
import { startExec } from '../../src/daemon/engine/streams/exec.ts';
import type { ExecOptions, ExecProcess } from '../../src/daemon/engine/streams/types.ts';
import { silentLog } from '../../src/host/log.ts';
import { type CriContainer, CriPod } from '../support/cri-container.ts';
import { type Engine, startEngine } from '../support/engine.ts';

let root = '';
let state = '';
let engine: Engine;
let containerd: Containerd;
let pod: CriPod;
let container: CriContainer;
let execs = 0;

before(async () => {
  root = await mkdtemp('/tmp/k3c-exec-r-');
  state = await mkdtemp('/tmp/k3c-exec-s-');
  engine = await startEngine({ root, state, buildkit: false });
  containerd = connectContainerd(engine.containerdSocket);
  pod = await CriPod.run({ containerd, root, state }, 'execs');
  container = await pod.create({ command: ['sleep', '100000'] });
  await container.start();
});

after(async () => {
  containerd?.close();
  await engine?.stop();
  for (const path of [root, state]) await rm(path, { recursive: true, force: true });
});

function exec(args: readonly string[], options: Partial<ExecOptions> = {}): Promise<ExecProcess> {
  return startExec(containerd, {
    criId: container.criId,
    execId: `e${execs++}`,
    fifoDir: join(state, 'io'),
    args,
    tty: false,
    stdin: false,
    log: silentLog,
    ...options,
  });
}

async function output(process: ExecProcess): Promise<{ stdout: Buffer; stderr: Buffer; exitCode: number }> {
  const parts: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
  for await (const { stream, data } of process.attachment.output) parts[stream].push(data);
  return {
    stdout: Buffer.concat(parts.stdout),
    stderr: Buffer.concat(parts.stderr),
    exitCode: await process.exited,
  };
}

async function run(args: readonly string[], options: Partial<ExecOptions> = {}): Promise<string> {
  const { stdout, stderr, exitCode } = await output(await exec(args, options));
  return `${stdout}${stderr}${exitCode}`;
}

const md5 = (data: Buffer) => createHash('md5').update(data).digest('hex');

test('output, errors and exit codes', async () => {
  assert.equal(await run(['true']), '0');
  assert.equal(await run(['false']), '1');
  const { stdout, stderr, exitCode } = await output(await exec(['sh', '-c', 'echo out; echo err >&2; exit 42']));
  assert.deepEqual([stdout.toString(), stderr.toString(), exitCode], ['out\n', 'err\n', 42]);
  for (let code = 2; code < 20; code++) assert.equal(await run(['sh', '-c', `exit ${code}`]), `${code}`);
});

test('a command that is not there, or is none, or a container that is not running', async () => {
  for (const [command, reason, words] of [
    ['nosuch', 'command-not-found', /exec: "nosuch": executable file not found in \$PATH$/],
    ['/no/such', 'command-not-found', /no such file or directory$/],
    ['/etc', 'command-not-invocable', /is a directory$/],
    ['/etc/passwd', 'command-not-invocable', /permission denied$/],
  ] as const) {
    await assert.rejects(exec([command]), (error) => {
      assert.ok(error instanceof K3cError);
      assert.equal(error.reason, reason);
      assert.match(error.message, /^OCI runtime exec failed: /);
      assert.match(error.message, words);
      return true;
    });
  }
  const ended = await pod.create({ command: ['true'] });
  await ended.start();
  await ended.wait();
  for (const criId of [ended.criId, 'no-such-container']) {
    await assert.rejects(exec(['true'], { criId }), { reason: 'container-not-running' });
  }
});

test('environment, directory, user and capabilities', async () => {
  const show = ['sh', '-c', 'echo $A $PATH; pwd; id -u; id -g; id -G; grep CapEff /proc/self/status'];
  const user = { uid: 65534, gid: 65534, additionalGids: [7, 8] };
  const text = await run(show, { env: ['A=1', 'PATH=/bin'], cwd: '/etc', user });
  assert.equal(text, '1 /bin\n/etc\n65534\n65534\n65534 7 8\nCapEff:\t0000000000000000\n0');
  const plain = await run(['grep', 'CapEff', '/proc/self/status']);
  assert.match(plain, /CapEff:\t00000000a80425fb/);
  // Privileged: what this process has itself.
  const own = /CapEff:\t\w+/.exec(await readFile('/proc/self/status', 'utf8'))?.[0];
  assert.equal(await run(['grep', 'CapEff', '/proc/self/status'], { privileged: true }), `${own}\n0`);
});

test('stdin goes in and ends; 30 MB come back as they went', { timeout: 60_000 }, async () => {
  const process = await exec(['cat'], { stdin: true });
  const data = randomBytes(30 << 20);
  const result = output(process);
  for (let at = 0; at < data.length; at += 65_536) await process.attachment.writeStdin(data.subarray(at, at + 65_536));
  process.attachment.endStdin();
  const { stdout, exitCode } = await result;
  assert.equal(md5(stdout), md5(data));
  assert.equal(exitCode, 0);
});

test('stdin that nobody reads ends with its process', async () => {
  const process = await exec(['sleep', '0.2'], { stdin: true });
  const written = process.attachment.writeStdin(Buffer.alloc(1 << 20));
  assert.equal((await output(process)).exitCode, 0);
  await written;
  await process.attachment.writeStdin(Buffer.from('late'));
});

test('a terminal: first size, resize, one stream', async () => {
  const process = await exec(['sh', '-c', 'stty size; read x; stty size; echo $TERM >&2; test -t 0'], {
    tty: true,
    stdin: true,
    size: { width: 81, height: 25 },
  });
  const result = output(process);
  await sleep(100);
  await process.resize({ width: 120, height: 40 });
  await process.attachment.writeStdin(Buffer.from('go\r'));
  const { stdout, stderr, exitCode } = await result;
  assert.equal(stdout.toString().replace('go\r\n', ''), '25 81\r\n40 120\r\nxterm\r\n');
  assert.equal(stderr.length, 0);
  assert.equal(exitCode, 0);
});

test('signals', async () => {
  const process = await exec(['sleep', '1000']);
  const result = output(process);
  await process.kill(15);
  assert.equal((await result).exitCode, 143);
});

test('50 at once', { timeout: 60_000 }, async () => {
  const results = await Promise.all(
    Array.from({ length: 50 }, (_, i) => run(['sh', '-c', `echo ${i}; cat; exit ${i}`])),
  );
  for (const [i, text] of results.entries()) assert.equal(text, `${i}\n${i}`);
});

test('detached: runs on without streams, with and without a terminal', async () => {
  for (const tty of [false, true]) {
    const process = await exec(['sh', '-c', 'head -c 300000 /dev/zero; echo done > /tmp/detached'], {
      detach: true,
      tty,
    });
    const { stdout, exitCode } = await output(process);
    assert.deepEqual([stdout.length, exitCode], [0, 0]);
    assert.equal(await run(['sh', '-c', 'cat /tmp/detached; rm /tmp/detached']), 'done\n0');
  }
});

test('a child that keeps the output open is given up after two seconds of silence', async () => {
  const start = performance.now();
  const process = await exec(['sh', '-c', 'echo first; sleep 5 & exit 3']);
  const { stdout, exitCode } = await output(process);
  const ms = performance.now() - start;
  assert.deepEqual([stdout.toString(), exitCode], ['first\n', 3]);
  assert.ok(ms > 1900 && ms < 4000, `${ms} ms`);
});

test('a child that writes for ever ends with the client, not with memory', async () => {
  const process = await exec(['sh', '-c', 'yes & sleep 0.1; echo $! > /tmp/yes']);
  let bytes = 0;
  for await (const { data } of process.attachment.output) {
    bytes += data.length;
    if (bytes > 10_000_000) break;
  }
  assert.equal(await process.exited, 0);
  await run(['sh', '-c', 'kill $(cat /tmp/yes)']);
});

test('a client that leaves does not stop the process', async () => {
  const process = await exec(['sh', '-c', 'head -c 3000000 /dev/zero; echo yes > /tmp/left'], { stdin: true });
  for await (const _ of process.attachment.output) break;
  process.attachment.detach();
  assert.equal(await process.exited, 0);
  assert.equal(await run(['cat', '/tmp/left']), 'yes\n0');
});

test('the container ends under it: 137', async () => {
  const other = await pod.create({ command: ['sleep', '1000'] });
  await other.start();
  const process = await exec(['sh', '-c', 'echo on; sleep 1000'], { criId: other.criId });
  const result = output(process);
  await sleep(50);
  await other.kill();
  const { stdout, exitCode } = await result;
  assert.deepEqual([stdout.toString(), exitCode], ['on\n', 137]);
  await other.wait();
});

test('the daemon stops: the client is told, nobody waits, and the process goes on', async () => {
  const stopping = new AbortController();
  const process = await exec(['sh', '-c', 'sleep 0.3; echo yes > /tmp/on'], { stopping: stopping.signal });
  const client = assert.rejects(output(process), (error) => hasCode(error, Code.UNAVAILABLE));
  stopping.abort();
  await client;
  assert.equal(await process.exited, 137);
  await sleep(500);
  assert.equal(await run(['cat', '/tmp/on']), 'yes\n0');
});

test('a paused container', async () => {
  await containerd.tasks.pause({ containerId: container.criId });
  await assert.rejects(exec(['true']), { message: 'the container is paused' });
  await containerd.tasks.resume({ containerId: container.criId });
  assert.equal(await run(['true']), '0');
});

test('cancelled before its start', async () => {
  await assert.rejects(exec(['sleep', '1000'], { signal: AbortSignal.abort() }), (error) =>
    hasCode(error, Code.CANCELLED),
  );
});

test('containerd is killed in the middle: the output is whole and the exit code right', {
  timeout: 60_000,
}, async () => {
  const process = await exec(['sh', '-c', 'for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.2; done; cat; exit 4'], {
    stdin: true,
  });
  const result = output(process);
  await sleep(300);
  await engine.kill('containerd');
  process.attachment.endStdin();
  await sleep(300);
  await engine.start('containerd');
  const { stdout, exitCode } = await result;
  assert.deepEqual([stdout.toString(), exitCode], ['1\n2\n3\n4\n5\n6\n7\n8\n', 4]);
});

test('nothing is left: no FIFO, no file, no process in containerd', { timeout: 30_000 }, async () => {
  const fifos = await readdir(join(state, 'io'));
  assert.deepEqual(fifos.sort(), [`${container.criId}-stderr`, `${container.criId}-stdout`]);
  const before = (await readdir('/proc/self/fd')).length;
  for (let i = 0; i < 20; i++) assert.equal(await run(['cat'], { stdin: false }), '0');
  assert.ok(Math.abs((await readdir('/proc/self/fd')).length - before) <= 2);
  for (let i = 0; i < 100; i++) {
    // Only the container's own process is left once the children that held their output are gone.
    const { processes } = await containerd.tasks.listPids({ containerId: container.criId });
    if (processes.length === 1) return;
    await sleep(100);
  }
  assert.fail('processes are left');
});
