import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { addressTo, cutShort, DISGUISE_BYTES, disguise, emptyAnswer, fits, type Query, readQuery } from './message.ts';

function query(bytes: Buffer): Query {
  const read = readQuery(bytes);
  assert.ok(typeof read === 'object');
  return read;
}

const question = (name: string, more: object = {}) =>
  encode({ type: 'query', id: 7, flags: 0x100, questions: [{ type: 'A', name }], ...more });

const opt = (size: number, options: object[] = [], flags = 0) => ({
  additionals: [{ type: 'OPT', name: '.', udpPayloadSize: size, flags, options }],
});

test('a question is read, in lower case', () => {
  const read = query(question('Web.Example.ORG'));
  assert.equal(read.name, 'web.example.org');
  assert.deepEqual([read.id, read.type, read.class, read.edns], [7, 1, 1, undefined]);
  assert.equal(read.questionEnd, read.bytes.length);
});

test('EDNS: size, the DO bit, and options that make an answer nobody else may get', () => {
  assert.deepEqual(query(question('a', opt(4096))).edns, { udpBytes: 4096, dnssecOk: false, hasOptions: false });
  assert.deepEqual(query(question('a', opt(100, [], 0x8000))).edns, {
    udpBytes: 512,
    dnssecOk: true,
    hasOptions: false,
  });
  const withCookie = query(question('a', opt(1232, [{ code: 'COOKIE', data: Buffer.alloc(8) }])));
  assert.equal(withCookie.edns?.hasOptions, true);
  assert.equal(withCookie.cacheKey, undefined);
});

test('what answers depend on is in the key, the spelling is not', () => {
  const key = (bytes: Buffer) => query(bytes).cacheKey;
  assert.equal(key(question('a.b')), key(question('A.B')));
  const others = [
    question('a.c'),
    question('a.b', { questions: [{ type: 'AAAA', name: 'a.b' }] }),
    question('a.b', opt(1232)),
    question('a.b', opt(1232, [], 0x8000)),
    question('a.b', { flags: 0x110 }),
  ];
  assert.equal(new Set([question('a.b'), ...others].map(key)).size, 6);
});

test('a dot inside a label is another name than one between labels, and no host name', () => {
  const bytes = question('wwwXexample');
  const dotted = Buffer.from(bytes);
  dotted[12 + 4] = 0x2e; // \003www.example would be two labels
  assert.equal(query(dotted).name, undefined);
  assert.notEqual(query(dotted).cacheKey, query(question('www.example')).cacheKey);
});

test('what is no question gets no answer or an error, whatever its bytes are', () => {
  assert.equal(readQuery(Buffer.alloc(11)), undefined);
  assert.equal(readQuery(encode({ type: 'response', questions: [{ type: 'A', name: 'a' }] })), undefined);
  assert.equal(readQuery(Buffer.from(question('a')).fill(0x28, 2, 3)), 4);
  assert.equal(readQuery(encode({ type: 'query', questions: [] })), 1);
  assert.equal(readQuery(question('abc').subarray(0, 20)), 1);
  const pointing = Buffer.from(question('abc'));
  pointing[12] = 0xc0;
  assert.equal(readQuery(pointing), 1);
  const lying = Buffer.from(question('abc'));
  lying.writeUInt16BE(9, 10);
  assert.equal(readQuery(lying), 1);
  for (let i = 0; i < 20_000; i++) {
    const noise = randomBytes(12 + (i % 60));
    noise[2] = (noise[2] ?? 0) & 0x01;
    noise.writeUInt16BE(1, 4);
    readQuery(noise);
  }
});

test('a disguised question has another id and the same name, and only its own spelling fits', () => {
  const read = query(question('some-rather-long-name.example.org'));
  const sent = disguise(read, Buffer.alloc(DISGUISE_BYTES, 0xaa));
  assert.notDeepEqual(sent, read.bytes);
  assert.equal(query(sent).name, read.name);
  assert.equal(query(sent).id, 0xaaaa);
  const answer = emptyAnswer(sent, 0, { questionEnd: read.questionEnd });
  assert.equal(fits(answer, sent, read.questionEnd), 'yes');
  read.bytes.copy(answer, 12, 12, read.questionEnd);
  assert.equal(fits(answer, sent, read.questionEnd), 'case');
  answer.writeUInt16BE(1, 0);
  assert.equal(fits(answer, sent, read.questionEnd), 'no');
});

test('an answer gets the id and the spelling of its client, and times to live that have gone on', () => {
  const read = query(question('Web.example'));
  const answer = encode({
    type: 'response',
    id: 99,
    questions: [{ type: 'A', name: 'wEB.example' }],
    answers: [{ type: 'A', name: 'wEB.example', ttl: 60, data: '192.0.2.1' }],
    ...opt(1232),
  } as never);
  const own = decode(addressTo(read, answer, 45, 512));
  assert.deepEqual([own.id, own.questions?.[0]?.name], [7, 'Web.example']);
  assert.deepEqual(
    own.answers?.map((each) => (each.type === 'A' ? each.ttl : undefined)),
    [15],
  );
  const aged = decode(addressTo(read, answer, 100, 512)).answers?.[0];
  assert.equal(aged?.type === 'A' ? aged.ttl : undefined, 0);
  const cut = decode(addressTo(read, answer, 0, 40));
  assert.deepEqual([cut.flag_tc, cut.answers?.length], [true, 0]);
});

test('an answer that is cut short keeps whole records and its OPT, and nothing of the other sections', () => {
  const name = 'web.example';
  const a = (last: number) => ({ type: 'A', name, ttl: 60, data: `192.0.2.${last}` });
  const answer = encode({
    type: 'response',
    questions: [{ type: 'A', name }],
    answers: [a(1), a(2), a(3)],
    authorities: [{ type: 'NS', name, ttl: 60, data: 'ns.example' }],
    ...opt(1232),
  } as never);
  const { questionEnd } = query(question(name));
  const record = name.length + 2 + 10 + 4;
  const optBytes = 11;
  for (const [room, left] of [
    [0, 0],
    [record - 1, 0],
    [record, 1],
    [2 * record + 5, 2],
    [3 * record, 3],
  ] as const) {
    const limit = questionEnd + room + optBytes;
    const bytes = cutShort(answer, questionEnd, limit);
    const { flag_tc, answers, authorities, additionals } = decode(bytes);
    assert.deepEqual([flag_tc, answers?.length, authorities, additionals?.length], [true, left, [], 1], `${room}`);
    assert.ok(bytes.length <= limit);
  }
  // One that does not hold what it says.
  assert.equal(cutShort(answer.subarray(0, answer.length - 1), questionEnd, 512).length, questionEnd);
});
