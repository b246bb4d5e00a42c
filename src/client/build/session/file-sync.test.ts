import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Code, hasCode, toK3cError } from '../../../api/errors.ts';
import { FileSyncDefinition } from '../../../api/gen/github.com/moby/buildkit/session/filesync/filesync.ts';
import type { Packet } from '../../../api/gen/github.com/tonistiigi/fsutil/types/wire.ts';
import { Connection, createClient } from '../../../api/rpc/client.ts';
import { toMetadata } from '../../../api/rpc/status.ts';
import type { Metadata } from '../../../api/rpc/types.ts';
import { directorySource, memorySource } from '../context/source.ts';
import { fileSyncHandler } from './file-sync.ts';
import { CHUNK, PacketType } from './packets.ts';
import { RawCall } from './raw-call.ts';

const base = mkdtempSync(join(tmpdir(), 'k3c-sync-'));
const root = join(base, 'context');
const big = Buffer.alloc(3 * CHUNK + 17, 'x');
let server: Http2Server;
let connection: Connection;

before(async () => {
  mkdirSync(join(root, 'd'), { recursive: true });
  writeFileSync(join(root, 'big'), big);
  writeFileSync(join(root, 'd/empty'), '');
  symlinkSync('big', join(root, 'd/link'));
  utimesSync(join(root, 'big'), new Date(-5000), new Date(-5000));
  const handler = fileSyncHandler(
    new Map([
      ['context', directorySource(root)],
      ['dockerfile', memorySource(new Map([['Dockerfile', Buffer.from('FROM x')]]))],
    ]),
  );
  server = createServer({ maxHeaderListPairs: 100_000 });
  server.on('stream', (stream, _headers, _flags, rawHeaders) => {
    const call = new RawCall(stream as ServerHttp2Stream, toMetadata(rawHeaders));
    handler(call).then(
      () => call.finish(),
      (error: unknown) => call.finish(toK3cError(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(join(base, 's'), resolve));
  connection = Connection.unix(join(base, 's'));
});

after(() => {
  connection.close();
  server.close();
  rmSync(base, { recursive: true, force: true });
});

function open(metadata: Metadata) {
  return createClient(FileSyncDefinition, connection).diffCopy({ metadata });
}

/** Receives a tree: asks for every regular file, then ends the transfer. */
async function receive(metadata: Metadata): Promise<{ stats: Packet['stat'][]; files: Map<number, Buffer> }> {
  const call = open(metadata);
  const stats: Packet['stat'][] = [];
  const files = new Map<number, Buffer>();
  const waiting = new Set<number>();
  let listed = false;
  let over = false;
  for await (const packet of call) {
    if (packet.type === PacketType.stat && packet.stat === undefined) listed = true;
    else if (packet.type === PacketType.stat) {
      const id = stats.push(packet.stat) - 1;
      if (((packet.stat?.mode ?? 0) & 0x8800_0000) === 0) {
        waiting.add(id);
        await call.send({ type: PacketType.request, ID: id });
      }
    } else if (packet.type === PacketType.data) {
      files.set(packet.ID, Buffer.concat([files.get(packet.ID) ?? Buffer.alloc(0), packet.data]));
      if (packet.data.length === 0) waiting.delete(packet.ID);
    } else if (packet.type === PacketType.fin) over = true;
    if (listed && waiting.size === 0 && !over) await call.send({ type: PacketType.fin });
  }
  assert.ok(over);
  return { stats, files };
}

test('a tree is listed and its files are sent as they are asked for', async () => {
  const { stats, files } = await receive([['dir-name', 'context']]);
  assert.deepEqual(
    stats.map((stat) => [stat?.path, stat?.size, stat?.linkname]),
    [
      ['big', BigInt(big.length), ''],
      ['d', 0n, ''],
      ['d/empty', 0n, ''],
      ['d/link', 3n, 'big'],
    ],
  );
  assert.equal(stats[0]?.modTime, -5_000_000_000n);
  assert.deepEqual([...files.keys()], [0, 2]);
  assert.ok(files.get(0)?.equals(big));
});

test('patterns arrive as repeated fields, commas and escapes included', async () => {
  const many = Array.from({ length: 500 }, (_, i) => ['exclude-patterns', `none ${i}, really`] as const);
  const { stats } = await receive([['dir-name', 'context'], ...many, ['exclude-patterns', 'd']]);
  assert.deepEqual(
    stats.map((stat) => stat?.path),
    ['big'],
  );
  const escaped = await receive([
    ['dir-name', 'context'],
    ['include-patterns-encoded', '1'],
    ['include-patterns', '%64%2F%2A'],
    ['include-patterns', 'no+such'],
  ]);
  assert.deepEqual(
    escaped.stats.map((stat) => stat?.path),
    ['d', 'd/empty', 'd/link'],
  );
});

test('a Dockerfile from memory is a context like any other', async () => {
  const { stats, files } = await receive([['dir-name', 'dockerfile']]);
  assert.deepEqual(
    stats.map((stat) => [stat?.path, stat?.mode]),
    [['Dockerfile', 0o644]],
  );
  assert.equal(files.get(0)?.toString(), 'FROM x');
});

test('an unknown directory is NOT_FOUND, a wrong id and a bad pattern end the transfer', async () => {
  await assert.rejects(receive([['dir-name', 'etc']]), (error) => hasCode(error, Code.NOT_FOUND));
  const call = open([['dir-name', 'context']]);
  await call.send({ type: PacketType.request, ID: 1 });
  await assert.rejects(async () => {
    for await (const packet of call)
      if (packet.type === PacketType.error) assert.match(String(packet.data), /invalid file id 1/);
  }, /invalid file id 1/);
  await assert.rejects(
    receive([
      ['dir-name', 'context'],
      ['exclude-patterns', '['],
    ]),
    (error) => hasCode(error, Code.INVALID_ARGUMENT),
  );
});
