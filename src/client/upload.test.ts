import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import type { BidiCall } from '../api/rpc/types.ts';
import { sendFile } from './upload.ts';

class FakeUpload implements BidiCall<string, string> {
  readonly sent: string[] = [];
  cancelled = false;
  failure: Error | undefined;
  readonly #over = Promise.withResolvers<void>();

  send(request: string): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(new Error('the call is over'));
    this.sent.push(request);
    return Promise.resolve();
  }
  end(): void {
    this.#over.resolve();
  }
  cancel(): void {
    this.cancelled = true;
    this.#over.reject(new Error('canceled'));
  }
  fail(error: Error): void {
    this.failure = error;
    this.#over.reject(error);
  }
  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    await this.#over.promise;
    yield 'done';
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

test('a file is sent piece by piece behind the first message', async () => {
  const call = new FakeUpload();
  const answers = await collect(sendFile(call, Readable.from([Buffer.from('a'), Buffer.from('b')]), String, 'open'));
  assert.deepEqual([call.sent, answers], [['open', 'a', 'b'], ['done']]);
});

test('what the server says counts, not that sending failed', async () => {
  const call = new FakeUpload();
  const file = Readable.from(
    (async function* () {
      yield Buffer.from('a');
      call.fail(new Error('not a tar'));
      yield Buffer.from('b');
    })(),
  );
  await assert.rejects(collect(sendFile(call, file, String)), { message: 'not a tar' });
  assert.equal(file.destroyed, true);
});

test('a file that cannot be read ends the call', async () => {
  const call = new FakeUpload();
  const file = Readable.from(
    (async function* () {
      yield Buffer.from('a');
      throw new Error('EIO');
    })(),
  );
  await assert.rejects(collect(sendFile(call, file, String)), { message: 'EIO' });
  assert.equal(call.cancelled, true);
});
