import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { cli } from '../../../test/support/cli.ts';
import { Code, K3cError } from '../../api/errors.ts';
import type { ImageSummary } from '../../api/gen/k3c.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const image = (letter: string, tags: string[], digests: string[], size: bigint): ImageSummary => ({
  id: digest(letter),
  tags,
  digests,
  createdAt: BigInt(Date.now() - 3_600_000) * 1_000_000n,
  size,
  labels: {},
  containers: -1n,
});

const list = () =>
  Promise.resolve({
    images: [
      image('1', ['nginx:1.25', 'nginx:latest'], [`nginx@${digest('d')}`], 187_654_321n),
      image('2', [], [], 4_260_000n),
      image('3', [], [`localhost:5000/a/b@${digest('e')}`], 999n),
    ],
  });

describe('images', () => {
  test('the table is docker’s', async () => {
    const { out } = await cli(['images'], { client: { images: { list } } });
    assert.equal(
      out,
      `REPOSITORY           TAG       IMAGE ID       CREATED             SIZE
nginx                1.25      111111111111   About an hour ago   188MB
nginx                latest    111111111111   About an hour ago   188MB
<none>               <none>    222222222222   About an hour ago   4.26MB
localhost:5000/a/b   <none>    333333333333   About an hour ago   999B
`,
    );
  });
  test('--digests adds a column', async () => {
    const { out } = await cli(['images', '--digests', '--format', '{{.Repository}} {{.Tag}} {{.Digest}}'], {
      client: { images: { list } },
    });
    assert.equal(
      out,
      `nginx 1.25 ${digest('d')}\nnginx latest ${digest('d')}\n<none> <none> <none>\nlocalhost:5000/a/b <none> ${digest('e')}\n`,
    );
  });
  test('-q, and a repository as a filter', async () => {
    const asked: object[] = [];
    const client = {
      images: {
        list: (request: object) => {
          asked.push(request);
          return list();
        },
      },
    };
    const { out } = await cli(['images', '-q', '-f', 'dangling=true', 'nginx'], { client });
    assert.equal(out, `${'1'.repeat(12)}\n${'1'.repeat(12)}\n${'2'.repeat(12)}\n${'3'.repeat(12)}\n`);
    assert.deepEqual(asked, [
      { all: false, filters: { dangling: { values: ['true'] }, reference: { values: ['nginx'] } } },
    ]);
  });
});

describe('rmi', () => {
  const remove = ({ image: name }: { image: string }) =>
    name === 'x'
      ? Promise.reject(new K3cError(Code.NOT_FOUND, 'No such image: x', { reason: 'image-not-found', remote: true }))
      : Promise.resolve({ untagged: [`${name}:latest`], deleted: [digest('1')] });
  test('tells what it did and what it could not', async () => {
    const { code, out, err } = await cli(['rmi', 'x', 'a'], { client: { images: { remove } } });
    assert.deepEqual(
      [code, out, err],
      [1, `Untagged: a:latest\nDeleted: ${digest('1')}\n`, 'Error response from daemon: No such image: x\n'],
    );
  });
  test('-f does not fail on what is not there', async () => {
    const { code, err } = await cli(['rmi', '-f', 'x'], { client: { images: { remove } } });
    assert.deepEqual([code, err], [0, 'Error response from daemon: No such image: x\n']);
  });
});

test('tag', async () => {
  const asked: object[] = [];
  const tag = (request: object) => {
    asked.push(request);
    return Promise.resolve({});
  };
  const { code, out } = await cli(['tag', 'a', 'b:1'], { client: { images: { tag } } });
  assert.deepEqual([code, out, asked], [0, '', [{ source: 'a', target: 'b:1' }]]);
});

describe('pull and push', () => {
  const done = (rest: object) => ({
    event: {
      $case: 'done',
      value: { reference: 'docker.io/library/busybox:latest', digest: digest('d'), size: 528n, ...rest },
    },
  });
  function transfer(method: string, upToDate = false) {
    const asked: { reference: string; platform?: string; auth?: object }[] = [];
    return {
      asked,
      images: {
        async *[method](request: { reference: string }) {
          asked.push(request);
          yield { event: { $case: 'status', value: 'latest: Pulling from library/busybox' } };
          yield { event: { $case: 'layer', value: { id: 'aaa', status: 'Downloading', current: 1n, total: 2n } } };
          yield { event: { $case: 'layer', value: { id: 'aaa', status: 'Pull complete', current: 2n, total: 2n } } };
          yield done({ upToDate });
        },
      },
    };
  }

  test('pull, plainly', async () => {
    const { code, out } = await cli(['pull', 'busybox'], {
      client: transfer('pull'),
      env: { DOCKER_CONFIG: '/nonexistent' },
    });
    assert.equal(code, 0);
    assert.equal(
      out,
      `Using default tag: latest\nlatest: Pulling from library/busybox\naaa: Pull complete\nDigest: ${digest('d')}\nStatus: Downloaded newer image for busybox:latest\ndocker.io/library/busybox:latest\n`,
    );
  });
  test('pull of what is there', async () => {
    const { out } = await cli(['pull', 'busybox:latest'], {
      client: transfer('pull', true),
      env: { DOCKER_CONFIG: '/nonexistent' },
    });
    assert.match(out, /^latest: Pulling.*\nStatus: Image is up to date for busybox:latest\n/s);
  });
  test('pull -q prints the name alone', async () => {
    const client = transfer('pull');
    const { out } = await cli(['pull', '-q', '--platform', 'linux/arm64', 'busybox'], {
      client,
      env: { DOCKER_CONFIG: '/nonexistent' },
    });
    assert.equal(out, 'docker.io/library/busybox:latest\n');
    assert.deepEqual(client.asked, [{ reference: 'busybox', platform: 'linux/arm64', auth: undefined }]);
  });
  test('push ends with the digest', async () => {
    const { out } = await cli(['push', 'localhost:5000/x:1'], {
      client: transfer('push'),
      env: { DOCKER_CONFIG: '/nonexistent' },
    });
    assert.equal(out.trimEnd().split('\n').at(-1), `1: digest: ${digest('d')} size: 528`);
  });
  test('the user’s credentials go along', async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'k3c-auth-'));
    t.after(() => rm(directory, { recursive: true }));
    const auth = Buffer.from('me:secret').toString('base64');
    await writeFile(join(directory, 'config.json'), JSON.stringify({ auths: { 'localhost:5000': { auth } } }));
    const client = transfer('pull');
    await cli(['pull', 'localhost:5000/x:1'], { client, env: { DOCKER_CONFIG: directory } });
    assert.deepEqual(client.asked[0]?.auth, { username: 'me', password: 'secret', identityToken: '' });
  });
  test('pull -a pulls every tag that the registry has, with one status for all', async () => {
    const client = transfer('pull');
    const tags = ['1', '2'];
    const images = { ...client.images, remoteTags: () => Promise.resolve({ tags }) };
    const env = { DOCKER_CONFIG: '/nonexistent' };
    const { out } = await cli(['pull', '-a', 'busybox'], { client: { images }, env });
    assert.deepEqual(
      client.asked.map(({ reference }) => reference),
      ['docker.io/library/busybox:1', 'docker.io/library/busybox:2'],
    );
    const one = `latest: Pulling from library/busybox\naaa: Pull complete\nDigest: ${digest('d')}\n`;
    assert.equal(out, `${one}${one}Status: Downloaded newer image for busybox\ndocker.io/library/busybox\n`);
    const wrong = await cli(['pull', '-a', 'busybox:1'], { env });
    assert.deepEqual([wrong.code, wrong.err], [1, "tag can't be used with --all-tags/-a\n"]);
  });
  test('push -a pushes every tag of the repository and no other', async () => {
    const client = transfer('push');
    const listed = [{ tags: ['r.test/x:2', 'r.test/x:1'] }, { tags: ['r.test/xy:1'] }];
    const images = { ...client.images, list: () => Promise.resolve({ images: listed }) };
    const env = { DOCKER_CONFIG: '/nonexistent' };
    const { code } = await cli(['push', '-a', 'r.test/x'], { client: { images }, env });
    assert.equal(code, 0);
    assert.deepEqual(
      client.asked.map(({ reference }) => reference),
      ['r.test/x:1', 'r.test/x:2'],
    );
    const none = await cli(['push', '-a', 'r.test/z'], { client: { images }, env });
    assert.deepEqual([none.code, none.err], [1, 'An image does not exist locally with the tag: r.test/z\n']);
  });
  test('a name that is none is refused before anything is asked', async () => {
    const { code, err } = await cli(['pull', 'UPPER']);
    assert.equal(code, 1);
    assert.match(err, /must be lowercase/);
  });
});

describe('load and import', () => {
  function upload(method: string, answers: object[]) {
    const sent: object[] = [];
    const ended = Promise.withResolvers<void>();
    const call = {
      send: (request: object) => {
        sent.push(request);
        return Promise.resolve();
      },
      end: () => ended.resolve(),
      cancel: () => ended.resolve(),
      async *[Symbol.asyncIterator]() {
        await ended.promise;
        yield* answers;
      },
    };
    return { sent, images: { [method]: () => call } };
  }

  test('load reads stdin', async () => {
    const client = upload('load', [{ references: ['docker.io/library/busybox:latest', digest('1')] }]);
    const stdin = new PassThrough();
    stdin.end('tar');
    const { code, out } = await cli(['load'], { client, stdin });
    assert.deepEqual([code, out], [0, `Loaded image: busybox:latest\nLoaded image ID: ${digest('1')}\n`]);
    assert.deepEqual(client.sent, [{ data: Buffer.from('tar') }]);
  });
  test('load -q prints the names all the same, as docker does', async () => {
    const client = upload('load', [{ references: [digest('1')] }]);
    const stdin = new PassThrough();
    stdin.end('tar');
    const { out } = await cli(['load', '-q'], { client, stdin });
    assert.equal(out, `Loaded image ID: ${digest('1')}\n`);
  });
  test('load asks a terminal for nothing', async () => {
    const { code, err } = await cli(['load'], { tty: { stdin: true } });
    assert.deepEqual([code, err], [1, 'requested load from stdin, but stdin is empty\n']);
  });
  test('load -i names what it cannot open', async () => {
    const { code, err } = await cli(['load', '-i', 'nope.tar']);
    assert.deepEqual([code, err], [1, 'open nope.tar: no such file or directory\n']);
  });
  test('import sends its options first', async () => {
    const client = upload('import', [{ id: digest('1') }]);
    const stdin = new PassThrough();
    stdin.end('tar');
    const argv = ['import', '-m', 'hello', '-c', 'CMD ["sh"]', '-', 'x:1'];
    const { code, out } = await cli(argv, { client, stdin });
    assert.deepEqual([code, out], [0, `${digest('1')}\n`]);
    assert.deepEqual(client.sent, [
      { part: { $case: 'open', value: { reference: 'x:1', message: 'hello', changes: ['CMD ["sh"]'] } } },
      { part: { $case: 'data', value: Buffer.from('tar') } },
    ]);
  });
  test('import fetches a URL, and says what is wrong with it', async (t) => {
    const server = createServer((request, response) => {
      response.statusCode = request.url === '/tree.tar' ? 200 : 404;
      response.end('tar');
    }).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = upload('import', [{ id: digest('1') }]);
    assert.equal((await cli(['import', `${base}/tree.tar`], { client })).out, `${digest('1')}\n`);
    assert.deepEqual(client.sent, [
      {
        part: { $case: 'open', value: { reference: '', message: `Imported from ${base}/tree.tar`, changes: [] } },
      },
      { part: { $case: 'data', value: Buffer.from('tar') } },
    ]);
    const { code, err } = await cli(['import', `${base.replace('//', '//me:secret@')}/other.tar`]);
    assert.deepEqual([code, err.includes('secret')], [1, false]);
    const missing = await cli(['import', `${base}/other.tar`]);
    assert.deepEqual([missing.code, missing.err], [1, `cannot fetch ${base}/other.tar: 404 Not Found\n`]);
  });
});
