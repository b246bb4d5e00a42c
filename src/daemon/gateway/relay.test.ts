/** Whole connections passed to a daemon, before fake daemons and with bare frames. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientHttp2Session, ServerHttp2Stream } from 'node:http2';
import { connect as connectSocket, type Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  answerOf,
  fieldOf,
  type GatewayRig,
  requestFields,
  respond,
  startGateway,
} from '../../../test/support/gateway.ts';
import { eventually, TestService } from '../../../test/support/rpc.ts';
import type { Handlers } from '../../api/rpc/types.ts';
import {
  ACK,
  DATA,
  encodeFrame,
  type FrameHeader,
  GOAWAY,
  HEADER_LENGTH,
  headersFrames,
  PREFACE,
  parseHeader,
  SETTINGS,
  WINDOW_UPDATE,
} from './h2-frames.ts';
import { encodeLiterals } from './hpack.ts';

const rigs: GatewayRig[] = [];
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close();
});

async function start(options: Parameters<typeof startGateway>[0] = {}): Promise<GatewayRig> {
  const rig = await startGateway(options);
  const unary: Handlers<typeof TestService>['unary'] = async (request) => request;
  rig.rpc.add(TestService, { unary } as Handlers<typeof TestService>);
  rigs.push(rig);
  return rig;
}

/** What the gateway relays. */
const goFields = (path: string) => requestFields(path, 'user-agent', 'test grpc-go/1.84.0');
const VERSION = '/containerd.services.version.v1.Version/Version';
const INFO = '/moby.buildkit.v1.Control/Info';
const OWN = '/k3c.v1.Test/Unary';

const ask = (session: ClientHttp2Session, path: string) => {
  const stream = session.request(goFields(path));
  stream.end(Buffer.alloc(5));
  return answerOf(stream);
};

const statusOf = async (answer: ReturnType<typeof answerOf>) => {
  const { headers, trailers } = await answer;
  return fieldOf(trailers, 'grpc-status') ?? fieldOf(headers, 'grpc-status');
};

const answerOk = (stream: ServerHttp2Stream) => {
  stream.resume();
  respond(stream, Buffer.from('answer'), { 'grpc-status': '0' });
};

/** A client of bare frames, and what it received. */
class Bare {
  readonly socket: Socket;
  readonly received: (FrameHeader & { readonly payload: Buffer })[] = [];
  closed = false;
  #rest = Buffer.alloc(0);

  constructor(path: string) {
    this.socket = connectSocket(path);
    this.socket.on('error', () => undefined);
    this.socket.once('close', () => {
      this.closed = true;
    });
    this.socket.on('data', (chunk: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, chunk]);
      while (this.#rest.length >= HEADER_LENGTH) {
        const header = parseHeader(this.#rest);
        const end = HEADER_LENGTH + header.length;
        if (this.#rest.length < end) break;
        this.received.push({ ...header, payload: this.#rest.subarray(HEADER_LENGTH, end) });
        this.#rest = this.#rest.subarray(end);
      }
    });
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  has(type: number, flags = 0): boolean {
    return this.received.some((frame) => frame.type === type && (frame.flags & flags) === flags);
  }

  async until(type: number, flags = 0): Promise<void> {
    await eventually(() => this.has(type, flags), `a frame of type ${type}`);
  }
}

const HELLO = [PREFACE, encodeFrame(SETTINGS, 0, 0)];
const SETTINGS_ACK = encodeFrame(SETTINGS, ACK, 0);
const callFrames = (id: number, path: string) => headersFrames(id, encodeLiterals(goFields(path)), true);

test('a client that may be relayed speaks with the daemon itself, on a connection of its own', async () => {
  const rig = await start();
  const daemon = await rig.upstream('containerd', answerOk, { settings: { maxConcurrentStreams: 77 } });
  const sessions = [rig.dial(), rig.dial()];
  for (const session of sessions) {
    const { body, trailers } = await ask(session, VERSION);
    assert.equal(body.toString(), 'answer');
    assert.equal(fieldOf(trailers, 'grpc-status'), '0');
    assert.equal(session.remoteSettings.maxConcurrentStreams, 77, 'the settings are those of the daemon');
  }
  assert.equal(daemon.sessions.size, 2);
  for (const session of sessions) session.destroy();
  await eventually(() => daemon.sessions.size === 0, 'the daemon sees its clients go');
  // Others share one connection, and get the gateway's settings.
  const other = rig.dial();
  assert.equal(await statusOf(answerOf(other.request(requestFields(VERSION), { endStream: true }))), '0');
  assert.notEqual(other.remoteSettings.maxConcurrentStreams, 77);
});

test('a client that waits for SETTINGS before it calls is relayed or served, and nobody sees an acknowledgement too many', async () => {
  for (const path of [VERSION, OWN, '/no.such.Service/Method']) {
    const rig = await start();
    await rig.upstream('containerd', answerOk);
    for (const isSlow of [false, true]) {
      const client = new Bare(rig.socketPath);
      client.send(...HELLO);
      await client.until(SETTINGS);
      if (isSlow) {
        // The call comes first, the acknowledgement later.
        client.send(callFrames(1, path));
        await sleep(20);
        client.send(SETTINGS_ACK);
      } else client.send(SETTINGS_ACK, callFrames(1, path));
      await eventually(() => client.received.some(({ streamId }) => streamId === 1), `an answer of ${path}`);
      client.send(SETTINGS_ACK, encodeFrame(6, 0, 0, Buffer.alloc(8)));
      // Two acknowledgements for two SETTINGS: the connection lives.
      await client.until(6, ACK);
      assert.equal(client.has(GOAWAY), false);
      client.socket.destroy();
    }
  }
});

test('a PING before the first call is answered', async () => {
  const rig = await start();
  const client = new Bare(rig.socketPath);
  client.send(...HELLO);
  await client.until(SETTINGS);
  client.send(SETTINGS_ACK, encodeFrame(6, 0, 0, Buffer.from('whatever')));
  await client.until(6, ACK);
  client.socket.destroy();
});

test('a call for another daemon is refused and reaches nobody, what is under way goes on, and the next connection serves both', async () => {
  const rig = await start();
  const seen: string[] = [];
  let first: ServerHttp2Stream | undefined;
  await rig.upstream('containerd', (stream, raw) => {
    seen.push(fieldOf(raw, 'x-call') ?? '');
    if (first === undefined) {
      first = stream;
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.write('begun ');
      stream.resume();
    } else answerOk(stream);
  });
  await rig.upstream('buildkitd', answerOk);
  const session = rig.dial();
  const under = session.request([...goFields(VERSION), 'x-call', 'under way']);
  const answer = answerOf(under);
  await eventually(() => first !== undefined, 'the first call is there');
  const goaway = once(session, 'goaway');
  const refused = answerOf(session.request(goFields(OWN), { endStream: true }));
  const alsoRefused = answerOf(session.request(goFields(VERSION), { endStream: true }));
  assert.deepEqual((await goaway).slice(0, 2), [0, 1], 'NO_ERROR, and the last stream that was taken');
  const REFUSED_STREAM = 7;
  assert.equal((await refused).rstCode, REFUSED_STREAM);
  assert.equal((await alsoRefused).rstCode, REFUSED_STREAM);
  under.end('more');
  first?.end('and done');
  assert.equal((await answer).body.toString(), 'begun and done');
  assert.equal(fieldOf((await answer).trailers, 'grpc-status'), '0');
  await eventually(() => session.destroyed, 'the connection is closed when its last call has ended');
  assert.deepEqual(seen, ['under way']);
  // One after another: each would be refused on a connection relayed for the one before.
  const next = rig.dial();
  for (const path of [VERSION, OWN, INFO, VERSION]) assert.equal(await statusOf(ask(next, path)), '0', path);
});

test('calls for two daemons in the first bytes are served', async () => {
  const rig = await start();
  await rig.upstream('containerd', answerOk);
  await rig.upstream('buildkitd', answerOk);
  const session = rig.dial();
  assert.deepEqual(await Promise.all([VERSION, INFO, OWN].map((path) => statusOf(ask(session, path)))), [
    '0',
    '0',
    '0',
  ]);
});

test('what is refused does not use up the window of what goes on', async () => {
  const rig = await start();
  await rig.upstream('containerd', () => undefined);
  const client = new Bare(rig.socketPath);
  client.send(...HELLO, callFrames(1, VERSION));
  await client.until(SETTINGS);
  client.send(SETTINGS_ACK, headersFrames(3, encodeLiterals(goFields(INFO)), false));
  client.send(encodeFrame(DATA, 0, 3, Buffer.alloc(1000)));
  await eventually(
    () =>
      client.received.some(
        ({ type, streamId, payload }) => type === WINDOW_UPDATE && streamId === 0 && payload.readUInt32BE(0) === 1000,
      ),
    'the window is given back',
  );
  assert.equal(client.received.find(({ type }) => type === GOAWAY)?.payload.readUInt32BE(0), 1);
  client.socket.destroy();
});

test('without its daemon a call is answered with UNAVAILABLE, and the same connection works when it is there', async () => {
  const rig = await start();
  const session = rig.dial();
  const { headers } = await ask(session, VERSION);
  assert.equal(fieldOf(headers, 'grpc-status'), '14');
  assert.match(decodeURIComponent(fieldOf(headers, 'grpc-message') ?? ''), /containerd is not running/);
  await rig.upstream('containerd', answerOk);
  assert.equal(await statusOf(ask(session, VERSION)), '0');
});

test('the end of a daemon closes the connection after what it had sent', async () => {
  const rig = await start();
  const daemon = await rig.upstream('containerd', (stream) => {
    stream.respond({ ':status': 200 });
    stream.write('part');
  });
  const session = rig.dial();
  const stream = session.request(goFields(VERSION));
  const answer = answerOf(stream);
  await once(stream, 'data');
  await daemon.close();
  assert.equal((await answer).body.toString(), 'part');
  await eventually(() => session.destroyed, 'the connection is closed');
});

test('a client that breaks HPACK on a relayed connection is closed, and alone', async () => {
  const rig = await start();
  await rig.upstream('containerd', answerOk);
  const good = rig.dial();
  assert.equal(await statusOf(ask(good, VERSION)), '0');
  const bad = new Bare(rig.socketPath);
  bad.send(...HELLO, callFrames(1, VERSION));
  await bad.until(SETTINGS);
  bad.send(headersFrames(3, Buffer.alloc(10, 0xff), true));
  await eventually(() => bad.closed, 'it is closed');
  assert.equal(await statusOf(ask(good, VERSION)), '0');
});

test('draining refuses new calls, lets the old ones end, and cuts what takes too long', async () => {
  for (const isQuick of [true, false]) {
    const rig = await start();
    let call: ServerHttp2Stream | undefined;
    await rig.upstream('containerd', (stream) => {
      call = stream;
    });
    const session = rig.dial();
    const idle = new Bare(rig.socketPath);
    idle.send(...HELLO);
    await idle.until(SETTINGS);
    const answer = ask(session, VERSION);
    await eventually(() => call !== undefined, 'the call is there');
    const began = performance.now();
    const goaway = once(session, 'goaway');
    const drained = rig.gateway.drain(isQuick ? 5000 : 100);
    await goaway;
    await eventually(() => idle.closed, 'a connection without calls is closed at once');
    if (isQuick && call !== undefined) {
      answerOk(call);
      assert.equal(await statusOf(answer), '0');
    }
    await drained;
    assert.ok(performance.now() - began < 1000);
    await answer;
  }
});

test('bytes pass at the pace of their reader, both ways', async () => {
  const rig = await start();
  const SIZE = 24 << 20;
  await rig.upstream(
    'containerd',
    (stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    },
    { settings: { initialWindowSize: 8 << 20 } },
  );
  const session = rig.dial();
  const stream = session.request(goFields(VERSION));
  let next = 0;
  let right = true;
  const sent = (async () => {
    for (let at = 0; at < SIZE; at += 1 << 16) {
      if (!stream.write(Buffer.alloc(1 << 16, at >> 16))) await once(stream, 'drain');
    }
    stream.end();
  })();
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length; at += 4096) {
      const expected = ((next + at) >> 16) & 0xff;
      if (chunk[at] !== expected) right = false;
    }
    next += chunk.length;
    if (next >> 23 !== (next - chunk.length) >> 23) await sleep(30);
  }
  await sent;
  assert.equal(next, SIZE);
  assert.ok(right, 'every byte is in its place');
});

test('a client that reads nothing for seconds gets all of an answer when its connection ends', async () => {
  const rig = await start();
  const WINDOW = 8 << 20;
  // The kernel holds a megabyte or so, and one read from the daemon more waits for it: some of these end there.
  const sizes = Array.from({ length: 24 }, (_, i) => (i + 1) << 16);
  let next = 0;
  await rig.upstream('containerd', (stream) => {
    stream.resume();
    respond(stream, Buffer.alloc(sizes[next++] ?? 0), { 'grpc-status': '0' });
  });
  const clients: Bare[] = [];
  for (const _size of sizes) {
    const bare = new Bare(rig.socketPath);
    clients.push(bare);
    // Large windows: what holds the answer up is the socket alone.
    const settings = Buffer.from([0, 4, 0, 0, 0, 0]);
    settings.writeUInt32BE(WINDOW, 2);
    const window = Buffer.alloc(4);
    window.writeUInt32BE(WINDOW);
    bare.send(PREFACE, encodeFrame(SETTINGS, 0, 0, settings), encodeFrame(WINDOW_UPDATE, 0, 0, window));
    await bare.until(SETTINGS);
    bare.socket.pause();
    bare.send(SETTINGS_ACK, callFrames(1, VERSION));
  }
  await eventually(() => next === sizes.length, 'all are relayed');
  for (const bare of clients) bare.send(callFrames(3, INFO));
  await sleep(2500);
  for (const bare of clients) bare.socket.resume();
  await eventually(() => clients.every(({ closed }) => closed), 'all are closed');
  const received = clients.map((bare) =>
    bare.received.reduce((sum, { type, length }) => sum + (type === DATA ? length : 0), 0),
  );
  assert.deepEqual(received, sizes);
});
