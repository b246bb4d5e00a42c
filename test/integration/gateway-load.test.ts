/**
 * The gateway in a process of its own between processes of their own: memory, concurrency, speed. On k3c.sock whole
 * connections are relayed, on the kubelet's socket it speaks HTTP/2 itself.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { ClientHttp2Stream } from 'node:http2';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '../../src/api/rpc/client.ts';
import { frame } from '../../src/api/rpc/frames.ts';

const MB = 1 << 20;
let directory: string;
let daemon: ChildProcess;
let gateway: ChildProcess;
let direct: Connection;
let relayed: Connection;
let served: Connection;

before(async () => {
  directory = await mkdtemp('/tmp/k3c-gwload-');
  const child = async (role: string) => {
    const started = fork(join(import.meta.dirname, '../support/gateway-child.ts'), [role, directory]);
    await once(started, 'message');
    return started;
  };
  daemon = await child('daemon');
  gateway = await child('gateway');
  direct = Connection.unix(join(directory, 'buildkitd.sock'));
  relayed = Connection.unix(join(directory, 'k3c.sock'));
  served = Connection.unix(join(directory, 'kubelet.sock'));
});

after(async () => {
  direct.close();
  relayed.close();
  served.close();
  for (const child of [gateway, daemon]) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await rm(directory, { recursive: true, force: true });
});

/** Resident memory of the gateway in bytes: now, or the most there ever was. */
async function resident(field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${gateway.pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
}

const call = (connection: Connection, what: string): ClientHttp2Stream => {
  const stream = connection.request(`/moby.Load/${what}`, {});
  stream.on('error', () => undefined);
  return stream;
};

/** Reads an answer to its end; returns its length. */
async function drain(stream: ClientHttp2Stream): Promise<number> {
  let length = 0;
  stream.on('data', (chunk: Buffer) => {
    length += chunk.length;
  });
  await once(stream, 'close');
  return length;
}

async function unary(connection: Connection): Promise<void> {
  const stream = call(connection, 'echo');
  stream.end(frame(Buffer.from('x')));
  assert.equal(await drain(stream), 6);
}

/** Sends as fast as it is taken; returns when the answer is there. */
async function upload(connection: Connection, bytes: number): Promise<void> {
  const stream = call(connection, 'sink');
  const chunk = Buffer.alloc(64 << 10);
  const answer = drain(stream);
  for (let sent = 0; sent < bytes; sent += chunk.length) {
    if (!stream.write(chunk) && stream.writableLength > MB) await once(stream, 'drain');
  }
  stream.end();
  await answer;
}

async function milliseconds(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return performance.now() - started;
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

for (const way of ['relayed', 'served'] as const) {
  describe(`a connection that is ${way}`, () => {
    let through: Connection;
    before(() => {
      through = way === 'relayed' ? relayed : served;
    });
    test('a thousand streams at once, all open before the first ends', async () => {
      const streams = Array.from({ length: 1000 }, () => call(through, 'echo'));
      const answers = streams.map(drain);
      for (const stream of streams) stream.write(frame(Buffer.from('x')));
      // Each has echoed before any half-closes, so that all of them are open.
      await Promise.all(streams.map((stream) => (stream.readableLength > 0 ? undefined : once(stream, 'data'))));
      for (const stream of streams) stream.end();
      assert.deepEqual(new Set(await Promise.all(answers)), new Set([6]));
    });

    test('a slow reader of 1 GB does not grow the gateway by more than 64 MB', async () => {
      await drain(call(through, 'source?mb=200').end() as ClientHttp2Stream);
      const before = await resident('VmRSS');
      const stream = call(through, 'source?mb=1024');
      stream.end();
      let length = 0;
      let most = 0;
      const watch = setInterval(async () => {
        most = Math.max(most, await resident('VmRSS').catch(() => 0));
      }, 50);
      // Stands still for a second at first, and a little again and again: the queue is full all the time.
      await sleep(1000);
      for await (const chunk of stream) {
        const previous = length;
        length += (chunk as Buffer).length;
        if (length >> 25 !== previous >> 25) await sleep(40);
      }
      clearInterval(watch);
      assert.equal(length, 1024 * MB);
      const grown = (most - before) / MB;
      console.log(`slow reader of 1 GB: ${(before / MB).toFixed(0)} MB before, at most ${grown.toFixed(0)} MB more`);
      assert.ok(grown < 64, `the gateway grew by ${grown} MB`);
    });

    test('a daemon that reads slowly does not grow it either', async () => {
      const before = await resident('VmRSS');
      const stream = call(through, 'never');
      const chunk = Buffer.alloc(64 << 10);
      let sent = 0;
      let full = false;
      while (!full && sent < 512 * MB) {
        stream.write(chunk);
        sent += chunk.length;
        if (stream.writableLength > MB)
          full = await Promise.race([once(stream, 'drain').then(() => false), sleep(500).then(() => true)]);
      }
      assert.ok(full, 'the sender is held up');
      const grown = ((await resident('VmRSS')) - before) / MB;
      stream.close();
      assert.ok(grown < 64, `the gateway grew by ${grown} MB`);
    });

    test('a reader that stands still does not hold up its neighbours on the same connection', async () => {
      const still = Array.from({ length: 5 }, () => {
        const stream = call(through, 'source?mb=100');
        stream.end();
        return stream;
      });
      await sleep(300);
      const took = await milliseconds(() => unary(through));
      assert.ok(took < 1000, `a unary call took ${took} ms`);
      for (const stream of still) stream.close();
    });
  });
}

test('latency and throughput against direct', async () => {
  const rounds = 5;
  const connections = [direct, relayed, served];
  const figures: Record<'down' | 'up', number[][]> = { down: [[], [], []], up: [[], [], []] };
  for (let round = 0; round < rounds; round++) {
    for (const [index, connection] of connections.entries()) {
      const down = await milliseconds(() => drain(call(connection, 'source?mb=400').end() as ClientHttp2Stream));
      figures.down[index]?.push(400_000 / down);
      figures.up[index]?.push(400_000 / (await milliseconds(() => upload(connection, 400 * MB))));
    }
  }
  const latency: number[][] = connections.map(() => []);
  for (let i = 0; i < 1000; i++) {
    for (const [index, connection] of connections.entries()) {
      latency[index]?.push(await milliseconds(() => unary(connection)));
    }
  }
  const [plain = 0, ...added] = latency.map(median);
  for (const way of ['down', 'up'] as const) {
    const [one = 1, ...others] = figures[way].map(median);
    const [relayedSpeed, servedSpeed] = others.map((speed) => `${speed.toFixed(0)} MB/s (${(speed / one).toFixed(2)})`);
    console.log(`${way} 400 MB: direct ${one.toFixed(0)} MB/s, relayed ${relayedSpeed}, served ${servedSpeed}`);
  }
  console.log(
    `unary: direct ${plain.toFixed(3)} ms, relayed ${added[0]?.toFixed(3)} ms, served ${added[1]?.toFixed(3)} ms, most memory ${((await resident('VmHWM')) / MB).toFixed(0)} MB`,
  );
  for (const milli of added) assert.ok(milli - plain < 1, `the gateway adds ${milli - plain} ms to a unary call`);
});
