import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { cli } from '../../../test/support/cli.ts';

const typed = (text: string) => new PassThrough().end(text);
const QUESTION = 'Are you sure you want to continue? [y/N] ';

/** A daemon that has one of each to remove, and remembers what it was asked. */
function daemon() {
  const asked: [string, unknown][] = [];
  const answer = (what: string, response: object) => (request: unknown) => {
    asked.push([what, request]);
    return Promise.resolve(response);
  };
  const client = {
    containers: { prune: answer('containers', { deleted: ['c1', 'c2'], reclaimed: 1_500_000n }) },
    images: { prune: answer('images', { untagged: ['a:1'], deleted: ['sha256:1'], reclaimed: 2_000_000n }) },
    networks: { prune: answer('networks', { deleted: ['n1'] }) },
    volumes: { prune: answer('volumes', { deleted: ['v1'], reclaimed: 500n }) },
    system: { pruneBuildCache: answer('cache', { deleted: [{ id: 'b1' }], reclaimed: 0n }) },
  };
  return { asked, client };
}

describe('a question', () => {
  test('y removes, whatever else does not, and neither is a failure', async () => {
    const { asked, client } = daemon();
    for (const answer of ['n\n', '\n', 'yes\n', '']) {
      const { code, out } = await cli(['container', 'prune'], { client, stdin: typed(answer) });
      assert.deepEqual([code, out], [0, `WARNING! This will remove all stopped containers.\n${QUESTION}`]);
    }
    assert.deepEqual(asked, []);
    const { out } = await cli(['container', 'prune'], { client, stdin: typed('Y\n') });
    assert.ok(out.endsWith(`${QUESTION}Deleted Containers:\nc1\nc2\n\nTotal reclaimed space: 1.5MB\n`), out);
  });

  test('says what -a adds', async () => {
    const { client } = daemon();
    const ask = async (...argv: string[]) => (await cli(argv, { client, stdin: typed('n\n') })).out;
    assert.match(await ask('image', 'prune'), /remove all dangling images\.\n/);
    assert.match(await ask('image', 'prune', '-a'), /all images without at least one container associated to them\.\n/);
    assert.match(await ask('builder', 'prune'), /remove all dangling build cache\. Are you sure/);
    assert.match(await ask('builder', 'prune', '-a'), /remove all build cache\. Are you sure/);
  });
});

describe('prune', () => {
  test('image: names, then ids', async () => {
    const { asked, client } = daemon();
    const { out } = await cli(['image', 'prune', '-af', '--filter', 'label=a=b', '--filter', 'label!=c'], { client });
    assert.equal(out, 'Deleted Images:\nuntagged: a:1\ndeleted: sha256:1\n\nTotal reclaimed space: 2MB\n');
    assert.deepEqual(asked, [
      ['images', { all: true, filters: { label: { values: ['a=b'] }, 'label!': { values: ['c'] } } }],
    ]);
  });

  test('builder: --keep-storage in bytes', async () => {
    const { asked, client } = daemon();
    await cli(['builder', 'prune', '-f', '--keep-storage', '1gb'], { client });
    assert.deepEqual(asked, [['cache', { all: false, filters: {}, keepStorage: 1n << 30n }]]);
  });

  test('system: all of it in order, with one total', async () => {
    const { asked, client } = daemon();
    const { out } = await cli(['system', 'prune', '-f', '-a', '--volumes'], { client });
    assert.deepEqual(
      asked.map(([what]) => what),
      ['containers', 'networks', 'volumes', 'images', 'cache'],
    );
    assert.match(out, /Deleted build cache objects:\nb1\n\nTotal reclaimed space: 3\.5005MB\n$|3\.501MB\n$/);
  });

  test('system: volumes are the user’s unless they are asked for, and labels choose no build cache', async () => {
    const { asked, client } = daemon();
    await cli(['system', 'prune', '-f', '--filter', 'label=x'], { client });
    assert.deepEqual(
      asked.map(([what]) => what),
      ['containers', 'networks', 'images'],
    );
    const { code, err } = await cli(['system', 'prune', '--volumes', '--filter', 'until=1h'], { client });
    assert.deepEqual([code, err], [1, 'ERROR: The "until" filter is not supported with "--volumes"\n']);
  });
});

test('history: the newest has an id, the others have none', async () => {
  const entry = { createdAt: 0n, createdBy: 'RUN\tx', size: 4_194_304n, comment: 'c', tags: [] };
  const entries = [
    { ...entry, id: `sha256:${'a'.repeat(64)}` },
    { ...entry, id: '', createdBy: `RUN ${'y'.repeat(60)}` },
  ];
  const client = { images: { history: () => Promise.resolve({ entries }) } };
  assert.equal(
    (await cli(['history', 'x'], { client })).out,
    'IMAGE          CREATED   CREATED BY                                      SIZE      COMMENT\n' +
      'aaaaaaaaaaaa   N/A       RUN x                                           4.19MB    c\n' +
      `<missing>      N/A       RUN ${'y'.repeat(40)}…   4.19MB    c\n`,
  );
  const plain = await cli(['history', '--human=false', '--no-trunc', '--format', '{{.ID}} {{.Size}}', 'x'], { client });
  assert.equal(plain.out, `sha256:${'a'.repeat(64)} 4194304\n<missing> 4194304\n`);
  assert.equal((await cli(['history', '-q', 'x'], { client })).out, 'aaaaaaaaaaaa\n<missing>\n');
});

test('save refuses a terminal', async () => {
  const { code, err } = await cli(['save', 'x'], { tty: { stdout: true } });
  assert.deepEqual([code, err], [1, 'cowardly refusing to save to a terminal. Use the -o flag or redirect\n']);
});
