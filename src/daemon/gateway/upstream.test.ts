import assert from 'node:assert/strict';
import type { ClientHttp2Stream, ServerHttp2Stream } from 'node:http2';
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
import { ListPodSandboxResponse } from '../../api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { FrameDecoder, frame } from '../../api/rpc/frames.ts';

const rig = gatewayOfEach();

const without = (raw: readonly string[], ...names: string[]) =>
  raw.filter((_, index) => !names.includes(raw[index - (index % 2)] ?? ''));

test('no daemon is UNAVAILABLE, and so is one that dies within a call; other calls go on', async () => {
  const session = rig().dial();
  const none = session.request(requestFields(PATH));
  none.end();
  const refused = await answerOf(none);
  assert.equal(refused.trailersOnly, true);
  assert.equal(fieldOf(refused.headers, 'grpc-status'), '14');
  assert.match(fieldOf(refused.headers, 'grpc-message') ?? '', /buildkitd is not running/);

  const pending: ClientHttp2Stream[] = [];
  const buildkitd = await rig().upstream('buildkitd', (stream, raw) => {
    stream.on('error', () => undefined);
    if (fieldOf(raw, 'x-begin') === undefined) return;
    stream.respond([...RESPONSE_FIELDS], { waitForTrailers: true });
    stream.write(frame(Buffer.from('begun')));
  });
  await rig().upstream('containerd', (stream) => {
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

  await rig().upstream('buildkitd', (stream) => respond(stream, Buffer.from('back'), { 'grpc-status': '0' }));
  const again = session.request(requestFields(PATH));
  again.end();
  assert.equal((await answerOf(again)).body.toString(), 'back');
});

test('services of nobody are UNIMPLEMENTED, and the call is over even when the client sends on', async () => {
  const session = rig().dial();
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
  const buildkitd = await rig().upstream(
    'buildkitd',
    (stream) => {
      stream.on('error', () => undefined);
      atDaemon.push(stream);
    },
    { settings: { maxConcurrentStreams: 10 } },
  );
  const session = rig().dial();
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
  const buildkitd = await rig().upstream('buildkitd', (stream) => {
    atDaemon.push(stream);
  });
  const session = rig().dial();
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
  await rig().upstream('containerd', (stream, raw) => {
    encodings = fieldOf(raw, 'grpc-accept-encoding');
    respond(stream, frame(list), { 'grpc-status': '0' });
  });
  const ids = async (socket: string) => {
    const stream = rig()
      .dial(socket)
      .request(requestFields('/runtime.v1.RuntimeService/ListPodSandbox', 'grpc-accept-encoding', 'gzip'));
    stream.end(frame(Buffer.alloc(0)));
    const { body, trailers } = await answerOf(stream);
    assert.equal(fieldOf(trailers, 'grpc-status'), '0');
    const [message] = [...new FrameDecoder().push(body)];
    return ListPodSandboxResponse.decode(message ?? Buffer.alloc(0)).items.map(({ id }) => id);
  };
  assert.deepEqual(await ids(rig().socketPath), ['a', 'b']);
  assert.equal(encodings, 'gzip');
  assert.deepEqual(await ids(rig().kubeletPath), ['a']);
  assert.equal(encodings, undefined);
});

test('an answer that cannot be looked into is an error of its call', async () => {
  await rig().upstream('containerd', (stream) => respond(stream, frame(Buffer.from([0x0b])), { 'grpc-status': '0' }));
  const stream = rig().dial(rig().kubeletPath).request(requestFields('/runtime.v1.RuntimeService/ListContainers'));
  stream.end(frame(Buffer.alloc(0)));
  const { trailers } = await answerOf(stream);
  assert.equal(fieldOf(trailers, 'grpc-status'), '13');
  assert.equal(without(trailers, 'grpc-status', 'grpc-message').length, 0);
});
