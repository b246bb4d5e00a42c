import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { FakeStreamCall } from '../../test/support/cli.ts';
import { K3cError } from '../api/errors.ts';
import { serveStream } from './streams.ts';

const open = { target: undefined };
const started = { $case: 'started', value: { id: 'x', tty: false } } as const;
const exited = (exitCode: number) => ({ $case: 'exited', value: { exitCode, oomKilled: false, error: '' } }) as const;

function collector(): { output: Writable; bytes(): Buffer } {
  const chunks: Buffer[] = [];
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { output, bytes: () => Buffer.concat(chunks) };
}

describe('a stream', () => {
  test('carries every byte both ways, the end of stdin, and the exit', async () => {
    const binary = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 256));
    const stdin = new PassThrough();
    const [out, err] = [collector(), collector()];
    const call = new FakeStreamCall(async function* (self) {
      yield started;
      await self.seen((inputs) => inputs.some((input) => input?.$case === 'stdinEof'));
      yield { $case: 'stdout', value: self.stdin };
      yield { $case: 'stderr', value: Buffer.from('warn') };
      yield exited(3);
    });
    stdin.end(binary);
    const outcome = await serveStream(call, open, { stdin: () => stdin, stdout: out.output, stderr: err.output });
    assert.deepEqual(outcome, { kind: 'exited', exited: { exitCode: 3, oomKilled: false, error: '' } });
    assert.ok(out.bytes().equals(binary));
    assert.equal(err.bytes().toString(), 'warn');
    assert.deepEqual(call.inputs[0], { $case: 'open', value: open });
  });

  test('leaves stdin untouched when nothing started', async () => {
    let asked = false;
    const call = new FakeStreamCall(async function* () {
      yield { $case: 'created', value: { id: 'x', name: 'n', warnings: [] } };
      throw new K3cError(5, 'no such image');
    });
    const stdin = () => {
      asked = true;
      return new PassThrough();
    };
    await assert.rejects(serveStream(call, open, { stdin }), { message: 'no such image' });
    assert.equal(asked, false);
  });

  test('waits for a slow output', async () => {
    let taken = 0;
    const slow = new Writable({
      highWaterMark: 10,
      write(_chunk, _encoding, done) {
        setTimeout(() => {
          taken++;
          done();
        }, 5);
      },
    });
    let given = 0;
    let ahead = 0;
    const call = new FakeStreamCall(async function* () {
      yield started;
      for (; given < 20; given++) {
        ahead = Math.max(ahead, given - taken);
        yield { $case: 'stdout', value: Buffer.alloc(100) };
      }
      yield exited(0);
    });
    await serveStream(call, open, { stdout: slow });
    assert.ok(ahead <= 2, `output was ${ahead} pieces ahead of the writable`);
  });

  test('does not wait for an output that is gone', async () => {
    const gone = new Writable({ highWaterMark: 1, write: () => undefined });
    const call = new FakeStreamCall(async function* (self) {
      yield started;
      yield { $case: 'stdout', value: Buffer.alloc(100) };
      await self.seen(() => false);
    });
    const serving = serveStream(call, open, { stdout: gone });
    setTimeout(() => gone.destroy(), 20);
    await assert.rejects(serving, { name: 'AbortError' });
    assert.equal(call.cancelled, true);
  });

  test('is left by the detach keys, what was typed before them is sent', async () => {
    const stdin = new PassThrough();
    const call = new FakeStreamCall(async function* (self) {
      yield started;
      await self.seen((inputs) => inputs.at(-1)?.$case === 'detach');
    });
    const serving = serveStream(call, open, { stdin: () => stdin, detachKeys: Buffer.from([16, 17]) });
    stdin.write(Buffer.from('ls\n\x10'));
    stdin.write(Buffer.from('\x11rest'));
    assert.deepEqual(await serving, { kind: 'detached' });
    assert.equal(call.stdin.toString(), 'ls\n');
    assert.equal(call.cancelled, false);
    assert.equal(stdin.listenerCount('data') + stdin.listenerCount('end'), 0);
    assert.equal(stdin.destroyed, false);
  });

  test('is cut where the daemon does not let go', { timeout: 10_000 }, async () => {
    const stdin = new PassThrough();
    const call = new FakeStreamCall(async function* (self) {
      yield started;
      await self.seen(() => false);
    });
    const serving = serveStream(call, open, { stdin: () => stdin, detachKeys: Buffer.from([16]) });
    stdin.write(Buffer.from('\x10'));
    assert.deepEqual(await serving, { kind: 'detached' });
    assert.equal(call.cancelled, true);
  });

  test('passes signals and sizes on, and leaves no listener behind', async () => {
    const listeners = new Set<(signal: string) => void>();
    const sizes = new Set<(size: { columns: number; rows: number }) => void>();
    const call = new FakeStreamCall(async function* (self) {
      yield { $case: 'created', value: { id: 'x', name: 'n', warnings: [] } };
      for (const listener of listeners) listener('SIGTERM');
      yield started;
      await Promise.resolve();
      for (const listener of sizes) listener({ columns: 80, rows: 24 });
      await self.seen((inputs) => inputs.length === 3);
      yield exited(0);
    });
    await serveStream(call, open, {
      onSignal(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      onResize(listener) {
        sizes.add(listener);
        return () => void sizes.delete(listener);
      },
    });
    assert.deepEqual(call.inputs.slice(1), [
      { $case: 'signal', value: 'SIGTERM' },
      { $case: 'resize', value: { width: 80, height: 24 } },
    ]);
    assert.equal(listeners.size + sizes.size, 0);
  });

  test('sends signals of a started process beside the stream, past input that waits', async () => {
    let raise: (signal: string) => void = () => undefined;
    const killed: string[] = [];
    const call = new FakeStreamCall(async function* (self) {
      yield { $case: 'created', value: { id: 'x', name: 'n', warnings: [] } };
      raise('SIGHUP');
      yield started;
      await self.seen((inputs) => inputs.length === 2);
      raise('SIGTERM');
      yield exited(143);
    });
    await serveStream(call, open, {
      onSignal(listener) {
        raise = listener;
        return () => undefined;
      },
      kill: async (id, signal) => killed.push(`${id} ${signal}`),
    });
    assert.deepEqual(call.inputs.slice(1), [{ $case: 'signal', value: 'SIGHUP' }]);
    assert.equal(killed.length, 1);
    assert.match(killed[0] ?? '', / SIGTERM$/);
  });

  test('ends without an exit where the daemon was asked to detach', async () => {
    const call = new FakeStreamCall(async function* () {
      yield started;
    });
    assert.deepEqual(await serveStream(call, open, {}), { kind: 'ended' });
  });
});
