import assert from 'node:assert/strict';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { test } from 'node:test';
import {
  answerOf,
  fieldOf,
  gatewayOfEach,
  BUILDKITD_CALL as PATH,
  RESPONSE_FIELDS,
  requestFields,
  respond,
} from '../../../test/support/gateway.ts';
import { eventually } from '../../../test/support/rpc.ts';
import { frame } from '../../api/rpc/frames.ts';

const rig = gatewayOfEach();

test('every field of a request arrives as it was sent: repeated, binary, hundreds of them', async () => {
  let seen: string[] = [];
  await rig().upstream('buildkitd', (stream, raw) => {
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
  const stream = rig()
    .dial()
    .request([...fields]);
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
  await rig().upstream('buildkitd', (stream) => {
    stream.respond([...RESPONSE_FIELDS, 'x', 'a', 'x', 'b, c', 'y-bin', '/w=='], {
      waitForTrailers: true,
      sendDate: false,
    } as object);
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end(body);
  });
  const stream = rig().dial().request(requestFields(PATH));
  stream.end();
  const answer = await answerOf(stream);
  assert.deepEqual(answer.headers, [...RESPONSE_FIELDS, 'x', 'a', 'x', 'b, c', 'y-bin', '/w==']);
  assert.equal(answer.trailersOnly, false);
  assert.ok(answer.body.equals(body));
  assert.deepEqual(
    answer.trailers,
    Object.entries(trailers).flatMap(([name, value]) => [value].flat().flatMap((one) => [name, one])),
  );
  assert.equal(answer.rstCode, 0);
});

test('a trailers-only answer stays one', async () => {
  await rig().upstream('buildkitd', (stream) => {
    stream.respond([...RESPONSE_FIELDS, 'grpc-status', '12', 'grpc-message', 'no'], {
      endStream: true,
      sendDate: false,
    } as object);
  });
  const stream = rig().dial().request(requestFields(PATH));
  stream.end(frame(Buffer.from('x')));
  const answer = await answerOf(stream);
  assert.equal(answer.trailersOnly, true);
  assert.deepEqual(answer.headers, [...RESPONSE_FIELDS, 'grpc-status', '12', 'grpc-message', 'no']);
});

test('half-close passes: the daemon sees the end of the request, and answers after it', async () => {
  await rig().upstream('buildkitd', (stream) => {
    let length = 0;
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length;
    });
    stream.on('end', () => respond(stream, Buffer.from(String(length)), { 'grpc-status': '0' }));
  });
  const session = rig().dial();
  for (const size of [0, 1, 5_000_000]) {
    const stream = session.request(requestFields(PATH));
    stream.end(Buffer.alloc(size));
    assert.equal((await answerOf(stream)).body.toString(), String(size));
  }
  const bare = session.request(requestFields(PATH), { endStream: true });
  assert.equal((await answerOf(bare)).body.toString(), '0');
});

test('both directions are open at once', async () => {
  await rig().upstream('buildkitd', (stream) => {
    stream.respond([...RESPONSE_FIELDS], { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.on('data', (chunk: Buffer) => stream.write(chunk));
    stream.on('end', () => stream.end());
  });
  const stream = rig().dial().request(requestFields(PATH));
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
  await rig().upstream('buildkitd', (stream) => {
    stream.on('error', () => undefined);
    atDaemon.unshift(stream);
  });
  const session = rig().dial();
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
  await rig().upstream('buildkitd', (stream) => {
    stream.on('error', () => undefined);
    stream.respond([...RESPONSE_FIELDS], { waitForTrailers: true });
    stream.write('x');
    atDaemon.push(stream);
  });
  const session = rig().dial();
  const calls = [1, 2, 3].map(() => session.request(requestFields(PATH)));
  for (const call of calls) call.on('error', () => undefined);
  await eventually(() => atDaemon.length === 3, 'the calls reached the daemon');
  session.destroy();
  await eventually(() => atDaemon.every(({ closed }) => closed), 'the daemon saw the end of all');
  assert.deepEqual(
    atDaemon.map(({ rstCode }) => rstCode),
    [8, 8, 8],
  );
  const cut = rig().dial().request(requestFields(PATH));
  const answer = answerOf(cut);
  await new Promise((resolve) => cut.once('data', resolve));
  atDaemon[3]?.close(2);
  assert.equal((await answer).rstCode, 2);
});

test('an answer that comes before the end of the request stops the client, and nothing of it is lost', async () => {
  const body = Buffer.alloc(3_000_000, 9);
  await rig().upstream('buildkitd', (stream) => {
    stream.on('error', () => undefined);
    respond(stream, body, { 'grpc-status': '9' });
  });
  const stream = rig().dial().request(requestFields(PATH));
  stream.write(Buffer.alloc(200_000));
  const answer = await answerOf(stream);
  assert.ok(answer.body.equals(body));
  assert.equal(fieldOf(answer.trailers, 'grpc-status'), '9');
  assert.equal(answer.rstCode, 0);
});
