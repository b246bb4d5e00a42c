import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeLiterals, HpackDecoder, HpackError } from './hpack.ts';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

/** Decodes blocks one after another on one connection. */
function decode(decoder: HpackDecoder, ...blocks: readonly string[]): string[][] {
  return blocks.map((block) => decoder.decode(bytes(block)));
}

const REQUESTS = [
  [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'],
  [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com', 'cache-control', 'no-cache'],
  [
    ...[':method', 'GET', ':scheme', 'https', ':path', '/index.html', ':authority', 'www.example.com'],
    ...['custom-key', 'custom-value'],
  ],
];

test('RFC 7541, C.2: each representation of a field', () => {
  assert.deepEqual(
    decode(
      new HpackDecoder(),
      '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
      '040c 2f73 616d 706c 652f 7061 7468',
      '1008 7061 7373 776f 7264 0673 6563 7265 74',
      '82',
    ),
    [
      ['custom-key', 'custom-header'],
      [':path', '/sample/path'],
      ['password', 'secret'],
      [':method', 'GET'],
    ],
  );
});

test('RFC 7541, C.3: requests on one connection, plain', () => {
  assert.deepEqual(
    decode(
      new HpackDecoder(),
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ),
    REQUESTS,
  );
});

test('RFC 7541, C.4: the same with Huffman code', () => {
  assert.deepEqual(
    decode(
      new HpackDecoder(),
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ),
    REQUESTS,
  );
});

const DATE = 'Mon, 21 Oct 2013 20:13:21 GMT';
const RESPONSES = [
  [':status', '302', 'cache-control', 'private', 'date', DATE, 'location', 'https://www.example.com'],
  [':status', '307', 'cache-control', 'private', 'date', DATE, 'location', 'https://www.example.com'],
  [
    ...[':status', '200', 'cache-control', 'private', 'date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
    ...['location', 'https://www.example.com', 'content-encoding', 'gzip'],
    ...['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
  ],
];

test('RFC 7541, C.5 and C.6: a table of 256 bytes, from which entries fall', () => {
  // The size comes first, as an encoder says it.
  const table = '3fe1 01';
  assert.deepEqual(
    decode(
      new HpackDecoder(),
      `${table}4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
      '4803 3330 37c1 c0bf',
      '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31',
    ),
    RESPONSES,
  );
  assert.deepEqual(
    decode(
      new HpackDecoder(),
      `${table}4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
      '4883 640e ffc1 c0bf',
      '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
    ),
    RESPONSES,
  );
});

test('the table may be as large as its reader allowed, and no larger', () => {
  const larger = '3fe1 3f'; // 8192
  assert.throws(() => decode(new HpackDecoder(), larger), HpackError);
  const decoder = new HpackDecoder();
  decoder.allow(8192);
  // Two entries of 4,000 bytes stand in it together.
  const entry = (name: string, letter: string) =>
    `40 01${Buffer.from(name).toString('hex')} 7fa1 1e ${Buffer.from(letter.repeat(4000)).toString('hex')}`;
  decode(decoder, larger, entry('a', 'x'), entry('b', 'y'));
  assert.deepEqual(
    decode(decoder, 'bfbe').map((fields) => fields.map((text) => text.slice(0, 2))),
    [['a', 'xx', 'b', 'yy']],
  );
  // Size 0 empties it.
  assert.throws(() => decode(decoder, '20be'), HpackError);
});

test('broken blocks are errors', () => {
  for (const block of [
    '80', // index 0
    'ff ff ff ff ff ff ff', // an endless integer
    'be', // an entry that is not there
    '40 05 61', // a string that is longer than the block
    '40', // and none at all
    '82 20', // a change of size after a field
    '00 84 ffff ffff 00', // the end of string within a string
    '00 81 00 00', // five zeros are '0', three more are no padding
    '00 82 f8ff 00', // more than seven bits of padding
    'ff'.repeat(100),
  ]) {
    assert.throws(() => decode(new HpackDecoder(), block), HpackError, block);
  }
  // One large entry, and a block of nothing but pointers at it.
  const bomb = `40 0161 7fa1 1e ${Buffer.from('x'.repeat(4000)).toString('hex')} ${'be'.repeat(10_000)}`;
  assert.throws(() => decode(new HpackDecoder(), bomb), HpackError);
});

test('literals come back as they were and touch no table', () => {
  const decoder = new HpackDecoder();
  decode(decoder, '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572');
  const fields = ['grpc-message', '\u00e4\u00ff', 'long', 'x'.repeat(127), 'longer', 'y'.repeat(70_000), 'empty', ''];
  assert.deepEqual(decoder.decode(encodeLiterals(fields)), fields);
  assert.deepEqual(decoder.decode(bytes('be')), ['custom-key', 'custom-header']);
});
