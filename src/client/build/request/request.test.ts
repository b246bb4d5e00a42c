import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { after, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { mkfifo } from '../../../host/libc.ts';
import { EMPTY_CONFIG } from '../../credentials/config.ts';
import { prepareBuild } from '../build.ts';
import { frontendRequest } from './attributes.ts';
import { exportersOf } from './exporters.ts';
import { isRemote, prepareInputs } from './inputs.ts';
import type { BuildHost, BuildOptions, OutputOption } from './options.ts';
import { isArchive, peek, readAll } from './stdin.ts';

const base = mkdtempSync(join(tmpdir(), 'k3c-request-'));
after(() => rmSync(base, { recursive: true, force: true }));
mkdirSync(join(base, 'ctx'));
mkdirSync(join(base, 'other'));
writeFileSync(join(base, 'ctx/Dockerfile'), 'FROM scratch');

const nothing: BuildOptions = {
  context: 'ctx',
  dockerfile: undefined,
  tags: [],
  buildArguments: {},
  labels: {},
  annotations: [],
  target: undefined,
  noCache: false,
  noCacheFilter: [],
  pull: false,
  push: false,
  platforms: [],
  network: undefined,
  addHosts: [],
  ulimits: [],
  shmSize: undefined,
  cgroupParent: undefined,
  limits: {},
  attestations: new Map(),
  allow: [],
  outputs: [],
  cacheFrom: [],
  cacheTo: [],
  secrets: new Map(),
  ssh: [],
  namedContexts: new Map(),
  call: undefined,
};

function host(stdin = '', stdoutIsTty = false): BuildHost {
  const stdout = new PassThrough();
  return {
    cwd: base,
    env: {},
    dockerConfig: async () => EMPTY_CONFIG,
    stdin: () => Readable.from([Buffer.from(stdin)]),
    stdout,
    stdoutIsTty,
  };
}

test('options become attributes of the frontend', () => {
  const { frontend, attributes, entitlements } = frontendRequest({
    ...nothing,
    buildArguments: { A: '1' },
    labels: { l: 'x' },
    target: 't',
    noCacheFilter: ['a', 'b'],
    platforms: ['linux/amd64', 'linux/arm64'],
    network: 'host',
    addHosts: ['a:1.2.3.4', 'b=[::1],5.6.7.8', 'c:fe80::1'],
    ulimits: ['nofile=1:2'],
    shmSize: 64n,
    attestations: new Map([['sbom', 'type=sbom']]),
    limits: { memory: 1n << 30n, memorySwap: -1n, cpuShares: 0n, cpuQuota: 5n, cpusetCpus: '0' },
  });
  assert.equal(frontend, 'dockerfile.v0');
  assert.deepEqual(attributes, {
    'build-arg:A': '1',
    'label:l': 'x',
    'attest:sbom': 'type=sbom',
    target: 't',
    'no-cache': 'a,b',
    'image-resolve-mode': 'local',
    platform: 'linux/amd64,linux/arm64',
    'add-hosts': 'a=1.2.3.4,b=::1,b=5.6.7.8,c=fe80::1',
    ulimit: 'nofile=1:2',
    'shm-size': '64',
    'force-network-mode': 'host',
    memory: '1073741824',
    memswap: '-1',
    cpuquota: '5',
    cpusetcpus: '0',
  });
  assert.deepEqual(entitlements, ['network.host']);
  assert.deepEqual(frontendRequest({ ...nothing, noCache: true, pull: true }).attributes, {
    'no-cache': '',
    'image-resolve-mode': 'pull',
  });
  for (const [asked, told] of [
    ['/a/b', '/a/b'],
    ['a.slice', 'a.slice:buildkit:'],
  ] as const)
    assert.equal(frontendRequest({ ...nothing, cgroupParent: asked }).attributes['cgroup-parent'], told);
  assert.equal(
    frontendRequest({ ...nothing, addHosts: ['a:host-gateway', 'b=[::1],1.2.3.4'] }).attributes['add-hosts'],
    'a=127.0.0.1,b=::1,b=1.2.3.4',
  );
  for (const bad of [{ addHosts: ['a'] }, { addHosts: ['a:b'] }, { network: 'bridge' }]) {
    assert.throws(() => frontendRequest({ ...nothing, ...bad }));
  }
});

const output = (type: string, destination = '', attributes: Record<string, string> = {}): OutputOption => ({
  type,
  destination,
  attributes,
});

test('an image is the output unless another is wanted; names are normalised', async () => {
  const attributes = async (options: Partial<BuildOptions>) =>
    (await exportersOf({ ...nothing, ...options }, host())).exporters.map(({ type, attributes }) => ({
      type,
      ...attributes,
    }));
  const name = 'docker.io/library/a:latest,b.io/c:1';
  assert.deepEqual(await attributes({ tags: ['a', 'b.io/c:1'] }), [
    { type: 'image', unpack: 'true', compression: 'zstd', name },
  ]);
  assert.deepEqual(await attributes({}), [
    { type: 'image', unpack: 'true', compression: 'zstd', 'dangling-name-prefix': 'localhost/none' },
  ]);
  assert.deepEqual(await attributes({ tags: ['b.io/c:1'], push: true }), [
    { type: 'image', unpack: 'true', compression: 'zstd', name: 'b.io/c:1', push: 'true' },
  ]);
  assert.deepEqual(
    await attributes({
      tags: ['b.io/c'],
      outputs: [output('oci', 'x.tar'), output('local', 'd'), output('cacheonly')],
    }),
    [{ type: 'oci', name: 'b.io/c:latest' }, { type: 'local' }],
  );
  for (const [wrong, words] of [
    [output('tar', 'no/such/x.tar'), /there is no directory .*\/no\/such$/],
    [output('oci', 'ctx'), /destination file ctx is a directory$/],
    [output('local', 'ctx/Dockerfile'), /destination directory ctx\/Dockerfile is a file$/],
    [output('local'), /dest is required/],
  ] as const) {
    await assert.rejects(attributes({ outputs: [wrong] }), words);
  }
  const named = [output('image', '', { name: 'a,b.io/c:1' }), output('oci', 'x.tar', { name: 'a' })];
  assert.deepEqual(await attributes({ outputs: named }), [
    { type: 'image', unpack: 'true', compression: 'zstd', name },
    { type: 'oci', name: 'docker.io/library/a:latest' },
  ]);
  assert.deepEqual(await attributes({ annotations: ['a=b', 'manifest[linux/amd64]:c=d'], tags: ['b.io/c'] }), [
    {
      type: 'image',
      unpack: 'true',
      compression: 'zstd',
      name: 'b.io/c:latest',
      'annotation.a': 'b',
      'annotation-manifest[linux/amd64].c': 'd',
    },
  ]);
});

test('outputs that cannot be are refused before the build', async () => {
  const refused: [Partial<BuildOptions>, RegExp][] = [
    [{ push: true }, /tag is needed/],
    [{ push: true, outputs: [output('local', 'd')] }, /--push needs an image/],
    [{ tags: ['UPPER'] }, /must be lowercase/],
    [{ outputs: [output('what')] }, /unknown output type/],
    [{ outputs: [output('local')] }, /dest is required/],
    [{ outputs: [output('tar', 'ctx')] }, /is a directory/],
    [{ outputs: [output('oci', '-', { tar: 'false' })] }, /needs dest=DIRECTORY/],
    [{ annotations: ['x'] }, /expected key=value/],
  ];
  for (const [options, message] of refused)
    await assert.rejects(exportersOf({ ...nothing, ...options }, host()), message);
  await assert.rejects(
    exportersOf({ ...nothing, outputs: [output('tar', '-')] }, host('', true)),
    /refusing to write to console/,
  );
});

test('contexts and Dockerfiles in all their forms', async () => {
  const inputs = (options: Partial<BuildOptions>, stdin?: string) =>
    prepareInputs({ ...nothing, ...options }, host(stdin));
  const names = async (options: Partial<BuildOptions>, stdin?: string) => {
    const { contexts, attributes } = await inputs(options, stdin);
    return [[...contexts.keys()].sort(), attributes];
  };
  assert.deepEqual(await names({}), [['context', 'dockerfile'], { filename: 'Dockerfile' }]);
  assert.deepEqual(await names({ dockerfile: 'other/X' }), [['context', 'dockerfile'], { filename: 'X' }]);
  const fromStdin = { filename: 'Dockerfile', dockerfilekey: 'dockerfile' };
  assert.deepEqual(await names({ dockerfile: '-' }, 'FROM x'), [['context', 'dockerfile'], fromStdin]);
  assert.deepEqual(await names({ context: '-' }, 'FROM x'), [['context', 'dockerfile'], fromStdin]);
  const url = 'https://example.com/repo.git#main:sub';
  assert.deepEqual(await names({ context: url, dockerfile: 'b/File' }), [[], { context: url, filename: 'b/File' }]);
  assert.deepEqual(
    await names({
      namedContexts: new Map([
        ['n', 'other'],
        ['i', 'docker-image://x'],
        ['g', 'git@h:r'],
      ]),
    }),
    [
      ['context', 'dockerfile', 'n'],
      { filename: 'Dockerfile', 'context:n': 'local:n', 'context:i': 'docker-image://x', 'context:g': 'git@h:r' },
    ],
  );
  mkfifo(join(base, 'fifo'), 0o600);
  const [fromFifo] = await Promise.all([inputs({ dockerfile: 'fifo' }), writeFile(join(base, 'fifo'), 'FROM fifo')]);
  assert.equal(fromFifo.dockerfileSize, 'FROM fifo'.length);
  assert.equal(fromFifo.attributes['dockerfilekey'], 'dockerfile');
  const [one, two] = [await inputs({}), await inputs({ context: 'other' })];
  assert.notEqual(one.sharedKey, two.sharedKey);
  assert.match(one.sharedKey, /^[\x21-\x7e]+$/);
  const tar = Buffer.alloc(1024);
  tar.write('ustar', 257);
  const upload = await inputs({ context: '-', dockerfile: 'F' }, tar.toString('latin1'));
  assert.equal(upload.uploads.size, 1);
  assert.equal(upload.attributes['context'], `http://buildkit-session/${[...upload.uploads.keys()][0]}`);
  await assert.rejects(inputs({ context: '-', dockerfile: 'F' }, 'FROM x'), /ambiguous Dockerfile source/);
  await assert.rejects(inputs({ context: 'ctx/Dockerfile' }), /path "ctx\/Dockerfile" not found/);
  await assert.rejects(inputs({ namedContexts: new Map([['n', 'no/such']]) }), /failed to get build context n/);
  await assert.rejects(
    inputs({ namedContexts: new Map([['n', 'target:t']]) }),
    /n=target:t: only a bake file has targets/,
  );
  for (const text of ['git://x', 'ssh://x', 'git@github.com:a/b', 'github.com/a/b', 'http://x/y.tar'])
    assert.ok(isRemote(text), text);
  for (const text of ['./x', 'x/y', 'x.git']) assert.ok(!isRemote(text), text);
});

test('a build is recorded when its Dockerfile is large, or out of sight', async () => {
  const isRecorded = async (options: Partial<BuildOptions>, stdin = '') =>
    (await prepareBuild({ ...nothing, ...options }, host(stdin))).request.isRecorded;
  assert.equal(await isRecorded({}), false);
  assert.equal(await isRecorded({ dockerfile: '-' }, 'FROM scratch'), false);
  assert.equal(await isRecorded({ dockerfile: '-' }, `FROM scratch\n#${'x'.repeat(9000)}`), true);
  writeFileSync(join(base, 'ctx/large'), `FROM scratch\n#${'x'.repeat(9000)}`);
  assert.equal(await isRecorded({ dockerfile: 'ctx/large' }), true);
  assert.equal(await isRecorded({ context: 'https://example.org/a.git' }), true);
  assert.equal(await isRecorded({ context: '-' }, 'FROM scratch'), false);
});

test('the head of a stream is read without losing a byte', async () => {
  const pieces = ['FROM', ' x\n', 'y'.repeat(5000)].map((text) => Buffer.from(text));
  const { head, whole } = await peek(Readable.from(pieces));
  assert.ok(head.length >= 1024);
  assert.deepEqual(await readAll(whole), Buffer.concat(pieces));
  const empty = await peek(Readable.from([]));
  assert.equal((await readAll(empty.whole)).length, 0);
  assert.ok(isArchive(gzipSync('x')) && isArchive(zstdCompressSync('x')));
  assert.ok(!isArchive(Buffer.from('FROM x')) && !isArchive(Buffer.alloc(0)));
});

test('what is too large for a Dockerfile is not kept in memory', async () => {
  const endless = Readable.from(
    (function* () {
      for (;;) yield Buffer.alloc(1 << 20, '#');
    })(),
  );
  await assert.rejects(readAll(endless), /too large for a Dockerfile/);
  assert.ok(endless.destroyed);
});
