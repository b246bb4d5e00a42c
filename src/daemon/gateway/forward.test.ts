import assert from 'node:assert/strict';
import { type ClientHttp2Stream, constants, type ServerHttp2Stream } from 'node:http2';
import { afterEach, beforeEach, test } from 'node:test';
import { answerOf, fieldOf, type GatewayRig, requestFields, startGateway } from '../../../test/support/gateway.ts';
import { eventually } from '../../../test/support/rpc.ts';
import { ListPodSandboxResponse } from '../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { FrameDecoder, frame } from '../../api/rpc/frames.ts';

const PATH = '/moby.Test/Call';
const HEADERS = [':status', '200', 'content-type', 'application/grpc'];

let rig: GatewayRig;
beforeEach(async () => {
  rig = await startGateway();
});
afterEach(() => rig.close());

/** Answers with a body and trailers once the request has ended. */
function respond(stream: ServerHttp2Stream, body: Buffer, trailers: Record<string, string | string[]>): void {
  stream.respond([...HEADERS], { waitForTrailers: true, sendDate: false } as object);
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(body);
}

const without = (raw: readonly string[], ...names: string[]) =>
  raw.filter((_, index) => !names.includes(raw[index - (index % 2)] ?? ''));

test('every field of a request arrives as it was sent: repeated, binary, hundreds of them', async () => {
  let seen: string[] = [];
  await rig.upstream('buildkitd', (stream, raw) => {
    seen = raw;
    respond(stream, Buffer.alloc(0), { 'grpc-status': '0' });
  });
  const fields = requestFields(
    PATH,
    ...[
      'grpc-timeout',
      '3S',
      'user-agent',
      'a/1 (b, c)',
      'x-bin',
      'AAEC/w==',
      'x-bin',
      'AA',
      'empty',
      '',
      'x-latin',
      'caf\u00e9',
    ],
    ...Array.from({ length: 400 }, (_, i) => ['x-docker-expose-session-grpc-method', `/p.S/M${i}, x`]).flat(),
    ...['content-length', '0', 'authorization', 'Bearer a', 'authorization', 'Bearer b'],
  );
  const stream = rig.dial().request([...fields]);
  stream.end();
  await answerOf(stream);
  assert.deepEqual(seen, fields);
});

test('headers, body and trailers of an answer arrive as they were sent', async () => {
  const body = frame(Buffer.alloc(100_000, 3));
  const trailers = {
    'grpc-status': '5',
    'grpc-message': 'no%20such: %C3%A9',
    'grpc-status-details-bin': Buffer.alloc(9000, 1).toString('base64'),
    'x-many': ['1', '2, 3', '1'],
  };
  await rig.upstream('buildkitd', (stream) => {
    stream.respond([...HEADERS, 'x', 'a', 'x', 'b, c', 'y-bin', '/w=='], {
      waitForTrailers: true,
      sendDate: false,
    } as object);
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end(body);
  });
  const stream = rig.dial().request(requestFields(PATH));
  stream.end();
  const answer = await answerOf(stream);
  assert.deepEqual(answer.headers, [...HEADERS, 'x', 'a', 'x', 'b, c', 'y-bin', '/w==']);
  assert.equal(answer.trailersOnly, false);
  assert.ok(answer.body.equals(body));
  assert.deepEqual(
    answer.trailers,
    Object.entries(trailers).flatMap(([name, value]) => [value].flat().flatMap((one) => [name, one])),
  );
  assert.equal(answer.rstCode, 0);
});

test('a trailers-only answer stays one', async () => {
  await rig.upstream('buildkitd', (stream) => {
    stream.respond([...HEADERS, 'grpc-status', '12', 'grpc-message', 'no'], {
      endStream: true,
      sendDate: false,
    } as object);
  });
  const stream = rig.dial().request(requestFields(PATH));
  stream.end(frame(Buffer.from('x')));
  const answer = await answerOf(stream);
  assert.equal(answer.trailersOnly, true);
  assert.deepEqual(answer.headers, [...HEADERS, 'grpc-status', '12', 'grpc-message', 'no']);
});

test('half-close passes: the daemon sees the end of the request, and answers after it', async () => {
  await rig.upstream('buildkitd', (stream) => {
    let length = 0;
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length;
    });
    stream.on('end', () => respond(stream, Buffer.from(String(length)), { 'grpc-status': '0' }));
  });
  const session = rig.dial();
  for (const size of [0, 1, 5_000_000]) {
    const stream = session.request(requestFields(PATH));
    stream.end(Buffer.alloc(size));
    assert.equal((await answerOf(stream)).body.toString(), String(size));
  }
  const bare = session.request(requestFields(PATH), { endStream: true });
  assert.equal((await answerOf(bare)).body.toString(), '0');
});

test('both directions are open at once', async () => {
  await rig.upstream('buildkitd', (stream) => {
    stream.respond([...HEADERS], { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.on('data', (chunk: Buffer) => stream.write(chunk));
    stream.on('end', () => stream.end());
  });
  const stream = rig.dial().request(requestFields(PATH));
  for (const word of ['a', 'b', 'c']) {
    stream.write(word);
    const echo = await new Promise((resolve) => stream.once('data', (chunk) => resolve(String(chunk))));
    assert.equal(echo, word);
  }
  stream.end();
  await answerOf(stream);
});

test('a reset passes both ways with its code', async () => {
  const { NGHTTP2_CANCEL, NGHTTP2_REFUSED_STREAM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_ENHANCE_YOUR_CALM } = constants;
  const atDaemon: ServerHttp2Stream[] = [];
  await rig.upstream('buildkitd', (stream) => {
    stream.on('error', () => undefined);
    atDaemon.unshift(stream);
  });
  const session = rig.dial();
  for (const code of [NGHTTP2_CANCEL, NGHTTP2_REFUSED_STREAM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_ENHANCE_YOUR_CALM]) {
    atDaemon.length = 0;
    const answer = answerOf(session.request(requestFields(PATH)));
    await eventually(() => atDaemon.length === 1, 'the call reached the daemon');
    atDaemon[0]?.close(code);
    assert.equal((await answer).rstCode, code, `from the daemon: ${code}`);
    const up = session.request(requestFields(PATH));
    up.on('error', () => undefined);
    await eventually(() => atDaemon.length === 2, 'the second call reached the daemon');
    up.close(code);
    await eventually(() => atDaemon[0]?.closed === true, 'the daemon saw the reset');
    assert.equal(atDaemon[0]?.rstCode, code, `from the client: ${code}`);
  }
});

test('a client that vanishes cancels its calls at the daemon, and a reset within an answer ends it', async () => {
  const atDaemon: ServerHttp2Stream[] = [];
  await rig.upstream('buildkitd', (stream) => {
    stream.on('error', () => undefined);
    stream.respond([...HEADERS], { waitForTrailers: true });
    stream.write('x');
    atDaemon.push(stream);
  });
  const session = rig.dial();
  const calls = [1, 2, 3].map(() => session.request(requestFields(PATH)));
  for (const call of calls) call.on('error', () => undefined);
  await eventually(() => atDaemon.length === 3, 'the calls reached the daemon');
  session.destroy();
  await eventually(() => atDaemon.every(({ closed }) => closed), 'the daemon saw the end of all');
  assert.deepEqual(
    atDaemon.map(({ rstCode }) => rstCode),
    [8, 8, 8],
  );
  const cut = rig.dial().request(requestFields(PATH));
  const answer = answerOf(cut);
  await new Promise((resolve) => cut.once('data', resolve));
  atDaemon[3]?.close(2);
  assert.equal((await answer).rstCode, 2);
});

test('an answer that comes before the end of the request stops the client, and nothing of it is lost', async () => {
  const body = Buffer.alloc(3_000_000, 9);
  await rig.upstream('buildkitd', (stream) => {
    stream.on('error', () => undefined);
    respond(stream, body, { 'grpc-status': '9' });
  });
  const stream = rig.dial().request(requestFields(PATH));
  stream.write(Buffer.alloc(200_000));
  const answer = await answerOf(stream);
  assert.ok(answer.body.equals(body));
  assert.equal(fieldOf(answer.trailers, 'grpc-status'), '9');
  assert.equal(answer.rstCode, 0);
});

test('no daemon is UNAVAILABLE, and so is one that dies within a call; other calls go on', async () => {
  const session = rig.dial();
  const none = session.request(requestFields(PATH));
  none.end();
  const refused = await answerOf(none);
  assert.equal(refused.trailersOnly, true);
  assert.equal(fieldOf(refused.headers, 'grpc-status'), '14');
  assert.match(fieldOf(refused.headers, 'grpc-message') ?? '', /buildkitd is not running/);

  const pending: ClientHttp2Stream[] = [];
  const buildkitd = await rig.upstream('buildkitd', (stream, raw) => {
    stream.on('error', () => undefined);
    if (fieldOf(raw, 'x-begin') === undefined) return;
    stream.respond([...HEADERS], { waitForTrailers: true });
    stream.write(frame(Buffer.from('begun')));
  });
  await rig.upstream('containerd', (stream) => {
    stream.on('error', () => undefined);
    stream.on('data', () => respond(stream, Buffer.from('alive'), { 'grpc-status': '0' }));
  });
  const healthy = session.request(requestFields('/containerd.services.version.v1.Version/Version'));
  const silent = session.request(requestFields(PATH));
  const begun = session.request(requestFields(PATH, 'x-begin', '1'));
  pending.push(silent, begun);
  const answers = pending.map(answerOf);
  await new Promise((resolve) => begun.once('data', resolve));
  for (const one of buildkitd.sessions) one.destroy();
  await buildkitd.close();
  const [first, second] = await Promise.all(answers);
  assert.equal(fieldOf(first?.headers ?? [], 'grpc-status'), '14');
  assert.equal(fieldOf(second?.trailers ?? [], 'grpc-status'), '14');
  healthy.write('now');
  assert.equal((await answerOf(healthy)).body.toString(), 'alive');

  await rig.upstream('buildkitd', (stream) => respond(stream, Buffer.from('back'), { 'grpc-status': '0' }));
  const again = session.request(requestFields(PATH));
  again.end();
  assert.equal((await answerOf(again)).body.toString(), 'back');
});

test('services of nobody are UNIMPLEMENTED, and the call is over even when the client sends on', async () => {
  const session = rig.dial();
  for (const path of [
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    '/x',
    '/',
    '/k3c.v1.Containers/Nothing',
  ]) {
    const stream = session.request(requestFields(path));
    stream.write('and more');
    const answer = await answerOf(stream);
    assert.equal(fieldOf(answer.headers, 'grpc-status'), '12', path);
  }
});

test('a daemon that takes few streams gets more connections', async () => {
  const atDaemon: ServerHttp2Stream[] = [];
  const buildkitd = await rig.upstream(
    'buildkitd',
    (stream) => {
      stream.on('error', () => undefined);
      atDaemon.push(stream);
    },
    { settings: { maxConcurrentStreams: 10 } },
  );
  const session = rig.dial();
  const answers = Array.from({ length: 55 }, () => {
    const stream = session.request(requestFields(PATH));
    stream.end();
    return answerOf(stream);
  });
  await eventually(() => atDaemon.length === 55, 'all calls reached the daemon at once');
  assert.equal(buildkitd.sessions.size, 6);
  for (const stream of atDaemon) respond(stream, Buffer.from('ok'), { 'grpc-status': '0' });
  assert.ok((await Promise.all(answers)).every(({ body }) => body.toString() === 'ok'));
  await eventually(() => buildkitd.sessions.size === 1, 'the idle connections are closed');
});

test('after GOAWAY calls under way go on and new ones take a new connection', async () => {
  const atDaemon: ServerHttp2Stream[] = [];
  const buildkitd = await rig.upstream('buildkitd', (stream) => {
    atDaemon.push(stream);
  });
  const session = rig.dial();
  const first = answerOf(session.request(requestFields(PATH), { endStream: true }));
  await eventually(() => atDaemon.length === 1, 'the call reached the daemon');
  for (const one of buildkitd.sessions) one.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const second = answerOf(session.request(requestFields(PATH), { endStream: true }));
  await eventually(() => atDaemon.length === 2, 'the second call reached the daemon');
  assert.equal(buildkitd.sessions.size, 2);
  for (const stream of atDaemon) respond(stream, Buffer.from('ok'), { 'grpc-status': '0' });
  assert.equal((await first).body.toString(), 'ok');
  assert.equal((await second).body.toString(), 'ok');
});

test('the kubelet sees no pods of ours; the other socket shows them, and fields our types lack pass', async () => {
  const list = ListPodSandboxResponse.encode(
    ListPodSandboxResponse.fromPartial({ items: [{ id: 'a' }, { id: 'b', labels: { 'k3c.io/id': '1' } }] }),
  ).finish();
  let encodings: string | undefined;
  await rig.upstream('containerd', (stream, raw) => {
    encodings = fieldOf(raw, 'grpc-accept-encoding');
    respond(stream, frame(list), { 'grpc-status': '0' });
  });
  const ids = async (socket: string) => {
    const stream = rig
      .dial(socket)
      .request(requestFields('/runtime.v1.RuntimeService/ListPodSandbox', 'grpc-accept-encoding', 'gzip'));
    stream.end(frame(Buffer.alloc(0)));
    const { body, trailers } = await answerOf(stream);
    assert.equal(fieldOf(trailers, 'grpc-status'), '0');
    const [message] = [...new FrameDecoder().push(body)];
    return ListPodSandboxResponse.decode(message ?? Buffer.alloc(0)).items.map(({ id }) => id);
  };
  assert.deepEqual(await ids(rig.socketPath), ['a', 'b']);
  assert.equal(encodings, 'gzip');
  assert.deepEqual(await ids(rig.kubeletPath), ['a']);
  assert.equal(encodings, undefined);
});

test('an answer that cannot be looked into is an error of its call', async () => {
  await rig.upstream('containerd', (stream) => respond(stream, frame(Buffer.from([0x0b])), { 'grpc-status': '0' }));
  const stream = rig.dial(rig.kubeletPath).request(requestFields('/runtime.v1.RuntimeService/ListContainers'));
  stream.end(frame(Buffer.alloc(0)));
  const { trailers } = await answerOf(stream);
  assert.equal(fieldOf(trailers, 'grpc-status'), '13');
  assert.equal(without(trailers, 'grpc-status', 'grpc-message').length, 0);
});
