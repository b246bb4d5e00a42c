import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Code, K3cError } from '../../src/api/errors.ts';
import { ImagesDefinition } from '../../src/api/gen/k3c.ts';
import { RpcServer } from '../../src/api/rpc/server.ts';
import { runCli } from '../../src/cli/program.ts';
import { CacheLock } from '../../src/client/build/content/cache-lock.ts';
import { createGateway, type Gateway } from '../../src/daemon/gateway/gateway.ts';
import { silentLog } from '../../src/host/log.ts';
import { XattrFiles } from '../../src/host/xattr.ts';
import { compileAskAgent } from '../support/ask-agent.ts';
import { type CliOptions, TestHost } from '../support/cli.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { type Registry, startRegistry } from '../support/registry.ts';

const run = promisify(execFile);
const BASE = 'busybox:test';
const USER = { name: 'ada', password: 's3cret-word' };

let base: string;
let engine: Engine;
/** Whether the daemon is one that knows nothing of what builds ask. */
let isOlder = false;
/** What a build asks of the daemon itself, which has no registries of its own here. */
const OfBuilds = {
  ...ImagesDefinition,
  methods: {
    pullsForBuilds: ImagesDefinition.methods.pullsForBuilds,
    configuredAuth: ImagesDefinition.methods.configuredAuth,
    built: ImagesDefinition.methods.built,
  },
} as const;

/** Builds go through the gateway, as a user's do; buildctl stays on the daemon's own socket. */
let gateway: Gateway;
let address: string;

before(async () => {
  base = await mkdtemp(join(tmpdir(), 'k3c-bu-'));
  engine = await startEngine({ root: join(base, 'root'), state: join(base, 's') });
  address = join(base, 'k3c.sock');
  const images = new RpcServer();
  images.add(OfBuilds, {
    pullsForBuilds: async () => known({ needed: false }),
    configuredAuth: async () => ({}),
    built: async () => known({}),
  });
  gateway = createGateway({
    socketPath: address,
    rpc: images,
    upstreams: { containerd: engine.containerdSocket, buildkitd: engine.buildkitdSocket },
    kubelet: {
      socketPath: join(base, 'kubelet.sock'),
      isOwn: () => false,
      isPinned: () => false,
      onPulled: () => undefined,
    },
    log: silentLog,
  });
  await gateway.listen();
});

after(async () => {
  await gateway?.close();
  await engine?.stop();
  await rm(base, { recursive: true, force: true });
});

/** The answer, of a daemon that has it. */
function known<T>(answer: T): T {
  if (isOlder) throw new K3cError(Code.UNIMPLEMENTED, 'unknown method');
  return answer;
}

const NONE = Buffer.alloc(0);

type Files = Readonly<Record<string, string>>;

/** A directory with these files. */
async function context(files: Files): Promise<string> {
  const directory = await mkdtemp(join(base, 'ctx-'));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
  return directory;
}

interface Result {
  readonly code: number;
  readonly out: string;
  readonly stdout: Buffer;
  readonly err: string;
}

function host(options: CliOptions): TestHost {
  const env = { K3C_ADDRESS: address, HOME: base, PATH: process.env['PATH'] ?? '', ...options.env };
  return new TestHost({ ...options, env });
}

/** `k3c build` with these arguments; fails the test unless the exit code is the expected one. */
async function build(args: readonly string[], options: CliOptions = {}, expected = 0): Promise<Result> {
  const side = host(options);
  const code = await runCli(['build', ...args], side);
  const result = { code, stdout: side.out, out: side.out.toString(), err: side.err.toString() };
  assert.equal(code, expected, result.err);
  assert.equal(side.listeners, 0);
  return result;
}

/** buildctl's build of the same directory, as lines of its plain progress. */
async function buildctl(directory: string, output: string, more: readonly string[] = []): Promise<string> {
  const { stderr } = await run(
    join(import.meta.dirname, '../../vendor-bin/bin/test/buildctl'),
    [
      '--addr',
      `unix://${engine.buildkitdSocket}`,
      'build',
      '--progress=plain',
      '--frontend=dockerfile.v0',
      `--local=context=${directory}`,
      `--local=dockerfile=${directory}`,
      '--opt=image-resolve-mode=local',
      `--output=${output}`,
      ...more,
    ],
    { maxBuffer: 64 << 20 },
  );
  return stderr;
}

async function images(): Promise<string[]> {
  const list = await engine.tool('ctr', ['-a', engine.containerdSocket, '-n', 'k8s.io', 'images', 'ls', '-q']);
  return list.trim().split('\n');
}

/** The files of a tree, relative, with their contents. */
async function tree(directory: string, prefix = ''): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(join(directory, prefix), { withFileTypes: true })) {
    const path = join(prefix, entry.name);
    if (entry.isDirectory()) Object.assign(found, await tree(directory, path));
    else found[path] = await readFile(join(directory, path), 'utf8');
  }
  return found;
}

/** Builds with a local output and returns its files. */
async function built(args: readonly string[], options: CliOptions = {}): Promise<Record<string, string>> {
  const dest = await mkdtemp(join(base, 'out-'));
  await build(['-o', dest, ...args], options);
  return await tree(dest);
}

test('a build lands in the image store, unpacked, and -q prints its id', async () => {
  const directory = await context({ Dockerfile: `FROM ${BASE}\nCOPY a /a\nRUN cat /a > /b\n`, a: 'hello' });
  const { err } = await build(['-t', 'one', '-t', 'example.com/two:v2', directory]);
  assert.match(err, /#\d+ \[3\/3\] RUN cat \/a > \/b/);
  const names = await images();
  assert.ok(names.includes('docker.io/library/one:latest') && names.includes('example.com/two:v2'), names.join());
  const { out } = await build(['-q', '-t', 'one', directory]);
  assert.match(out, /^sha256:[0-9a-f]{64}\n$/);
});

test('a build without a name is kept, too, and found by its id', async () => {
  const directory = await context({ Dockerfile: 'FROM scratch\nCOPY x /unnamed\n', x: 'u' });
  const iid = join(base, 'iid');
  const metadata = join(base, 'metadata.json');
  await build(['--iidfile', iid, '--metadata-file', metadata, directory]);
  const id = await readFile(iid, 'utf8');
  assert.match(id, /^sha256:[0-9a-f]{64}$/);
  const parsed = JSON.parse(await readFile(metadata, 'utf8')) as Record<string, { digest?: string }>;
  assert.equal(parsed['containerimage.config.digest'], id);
  const digest = parsed['containerimage.descriptor']?.digest ?? '';
  assert.ok((await images()).some((name) => name.endsWith(`@${digest}`)));
});

test('buildctl finds every step of ours in the cache: the same bytes, modes, times and links were sent', async () => {
  const directory = await context({
    Dockerfile: `FROM ${BASE}\nCOPY . /all\nCOPY sub/* links /some/\nRUN ls -lR /all > /list\nENV A=b\nCMD ["x"]\n`,
    '.dockerignore': '**/*.log\n!keep.log\nskip\n!skip/not\n',
    'a.log': 'no',
    'keep.log': 'yes',
    'skip/no': 'no',
    'skip/not': 'yes',
    'sub/exec': '#!/bin/sh\n',
    'sub/ünï cödé': 'name',
    'links/target': 't',
    old: 'old',
  });
  await chmod(join(directory, 'sub/exec'), 0o4755);
  await symlink('target', join(directory, 'links/symlink'));
  await symlink('/nowhere', join(directory, 'links/dangling'));
  await link(join(directory, 'old'), join(directory, 'sub/hardlink'));
  await utimes(join(directory, 'old'), new Date(-1000), new Date(-123_456));
  await run('mkfifo', [join(directory, 'sub/fifo')]);
  const attributes = new XattrFiles(directory);
  assert.ok(attributes.set('sub/exec', 'user.one', Buffer.from([0, 1, 2])) && attributes.set('sub', 'user.two', NONE));
  await writeFile(Buffer.concat([Buffer.from(`${directory}/sub/not utf-8 `), Buffer.from([0xff, 0xfe])]), 'bytes');
  await build(['-t', 'same-a', directory]);
  const log = await buildctl(directory, 'type=image,name=docker.io/library/same-b:latest,compression=zstd');
  const steps = new Set(log.match(/^#\d+ (?=\[\d\/4\] (COPY|RUN))/gm));
  assert.equal(steps.size, 3, log);
  for (const step of steps) assert.ok(log.includes(`\n${step}CACHED\n`), log);
  const ctr = ['-a', engine.containerdSocket, '-n', 'k8s.io', 'images', 'ls', 'name~=same-'];
  const digests = new Set((await engine.tool('ctr', ctr)).match(/sha256:[0-9a-f]{64}/g));
  assert.equal(digests.size, 1);
});

test('.dockerignore of the Dockerfile wins over that of the context; -f may lie anywhere', async () => {
  const directory = await context({ '.dockerignore': 'a\n', a: 'a', b: 'b' });
  const other = await context({ 'My.file': 'FROM scratch\nCOPY . /\n', 'My.file.dockerignore': 'b\n.dockerignore\n' });
  assert.deepEqual(await built(['-f', join(other, 'My.file'), directory]), { a: 'a' });
  await rm(join(other, 'My.file.dockerignore'));
  assert.deepEqual(Object.keys(await built(['-f', join(other, 'My.file'), directory])).sort(), ['.dockerignore', 'b']);
});

test('a .dockerignore of two thousand lines is taken in full', async () => {
  const lines = Array.from({ length: 2000 }, (_, i) => `no/such/file-${i}, with a comma`);
  const directory = await context({ Dockerfile: 'FROM scratch\nCOPY . /\n', out: 'x', in: 'y' });
  await writeFile(join(directory, '.dockerignore'), [...lines, 'out', 'Dockerfile', '.dockerignore'].join('\n'));
  assert.deepEqual(await built([directory]), { in: 'y' });
});

test('the Dockerfile, or the whole context as a tar, comes from standard input', async () => {
  const directory = await context({ 'sub/Dockerfile': 'FROM scratch\nCOPY f /from-tar\n', f: '1' });
  const dockerfile = () => Readable.from([Buffer.from('FROM scratch\nCOPY f /from-stdin\n')]);
  assert.deepEqual(await built(['-f', '-', directory], { stdin: dockerfile() }), { 'from-stdin': '1' });
  for (const flags of ['-c', '-cz']) {
    const { stdout } = await run('tar', [flags, '-C', directory, '.'], { encoding: 'buffer' });
    const stdin = Readable.from([stdout.subarray(0, 100), stdout.subarray(100)]);
    assert.deepEqual(await built(['-f', 'sub/Dockerfile', '-'], { stdin }), { 'from-tar': '1' });
  }
  const bare = Readable.from([Buffer.from(`FROM ${BASE} AS b\nRUN echo x > /y\nFROM scratch\nCOPY --from=b /y /\n`)]);
  assert.deepEqual(await built(['-'], { stdin: bare }), { y: 'x\n' });
  const both = await build(['-f', '-', '-'], {}, 1);
  assert.match(both.err, /can't use stdin for both build context and dockerfile/);
});

test('arguments, targets, labels, hosts, limits and contexts reach the build', async () => {
  const directory = await context({
    Dockerfile: [
      `FROM ${BASE} AS base`,
      'ARG A=default',
      'ARG B=default',
      'ARG C=default',
      'RUN echo $A $B $C > /args; grep -h example /etc/hosts > /hosts; ulimit -n > /limit; df -m /dev/shm | tail -1 > /shm',
      'FROM scratch AS wanted',
      'COPY --from=base /args /hosts /limit /shm /',
      'COPY --from=extra /e /extra',
      'FROM scratch AS unwanted',
      'RUN false',
    ].join('\n'),
  });
  const extra = await context({ e: 'extra', '.dockerignore': 'x' });
  const flags = [
    '--build-arg',
    'A=given',
    '--build-arg',
    'B',
    '--build-arg',
    'C',
    '--target',
    'wanted',
    '--label',
    'l=1',
  ];
  const limits = [
    '--add-host',
    'example.test:10.1.2.3',
    '--ulimit',
    'nofile=77:88',
    '--shm-size',
    '33m',
    '--network',
    'host',
  ];
  const files = await built([...flags, ...limits, '--build-context', `extra=${extra}`, directory], {
    env: { B: 'inherited' },
  });
  assert.equal(files['args'], 'given inherited default\n');
  assert.match(files['hosts'] ?? '', /^10\.1\.2\.3\s+example\.test$/m);
  assert.equal(files['limit'], '77\n');
  assert.match(files['shm'] ?? '', /\s33\s/);
  assert.equal(files['extra'], 'extra');
});

test('secrets come from files and the environment and stay out of the image and the output', async () => {
  const directory = await context({
    Dockerfile: `FROM ${BASE} AS b\nRUN --mount=type=secret,id=f --mount=type=secret,id=E sha256sum /run/secrets/f /run/secrets/E > /sum\nFROM scratch\nCOPY --from=b /sum /\n`,
  });
  const file = join(base, 'secret.txt');
  await writeFile(file, 'from a file');
  const env = { E: 'from the environment' };
  const files = await built(['--secret', `id=f,src=${file}`, '--secret', 'id=E', directory], { env });
  const { stdout } = await run('sh', [
    '-c',
    'printf "from a file" | sha256sum; printf "from the environment" | sha256sum',
  ]);
  const sums = stdout.match(/[0-9a-f]{64}/g);
  assert.deepEqual(files['sum']?.match(/[0-9a-f]{64}/g), sums);
  const missing = await build(['--secret', 'id=f,src=/no/such', directory], {}, 1);
  assert.match(missing.err, /secret f: cannot read \/no\/such/);
  const required = `FROM ${BASE}\nRUN --mount=type=secret,id=z,required true\n`;
  const refused = await build(['-f', '-', directory], { stdin: Readable.from([Buffer.from(required)]) }, 1);
  assert.match(refused.err, /secret z: not found/);
});

/** An ssh agent without keys that counts what it is asked. */
async function fakeAgent(path: string, asked: number[]): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('data', (data: Buffer) => {
      asked.push(data.readUInt8(4));
      socket.write(Buffer.from([0, 0, 0, 5, 12, 0, 0, 0, 0]));
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

test('a daemon of an older version builds as it did, and nobody hears of what it lacks', async () => {
  isOlder = true;
  try {
    const { err } = await build(['-t', 'older', await context({ Dockerfile: `FROM ${BASE}\n` })]);
    assert.doesNotMatch(err, /WARNING/);
  } finally {
    isOlder = false;
  }
});

test('a configuration of docker that is wrong is warned of once, and the build goes on; its proxies are arguments', async () => {
  const env = { DOCKER_CONFIG: await context({ 'config.json': '{"auths":{"x":{"auth":"hunter2"' }) };
  const { err } = await build(['-t', 'wrong', await context({ Dockerfile: `FROM ${BASE}\n` })], { env });
  assert.match(err, /^WARNING: Error loading config file: \S+ is not valid JSON\n(?!.*WARNING)/s);
  assert.doesNotMatch(err, /hunter2/);
  await writeFile(join(env.DOCKER_CONFIG, 'config.json'), '{"proxies":{"default":{"httpProxy":"http://p:1"}}}');
  const directory = await context({
    Dockerfile: `FROM ${BASE} AS b\nRUN echo "$HTTP_PROXY" > /p\nFROM scratch\nCOPY --from=b /p /\n`,
  });
  assert.equal((await built([directory], { env }))['p'], 'http://p:1\n');
});

test('an ssh agent is forwarded for listing and signing, and for nothing else', async () => {
  const asked: number[] = [];
  const path = join(base, 'agent.sock');
  const agent = await fakeAgent(path, asked);
  try {
    const directory = await context({
      Dockerfile: `FROM ${BASE} AS b\nCOPY ask /\nRUN --mount=type=ssh (/ask 11; /ask 17) > /answers\nFROM scratch\nCOPY --from=b /answers /\n`,
    });
    await compileAskAgent(join(directory, 'ask'));
    const files = await built(['--ssh', 'default', directory], { env: { SSH_AUTH_SOCK: path } });
    assert.deepEqual(files['answers'], '0 0 0 5 12 0 0 0 0 0 0 0 1 5 ');
    assert.deepEqual(asked, [11]);
    const unset = await build(['--ssh', 'default', directory], {}, 1);
    assert.match(unset.err, /make sure SSH_AUTH_SOCK is set/);
  } finally {
    agent.close();
  }
});

test('outputs: local, tar, oci and docker archives, an unpacked layout, several at once', async () => {
  const directory = await context({ Dockerfile: 'FROM scratch\nCOPY d /d\n', 'd/x': 'x', 'd/y': 'y' });
  await chmod(join(directory, 'd/x'), 0o2750);
  await symlink('x', join(directory, 'd/l'));
  await link(join(directory, 'd/y'), join(directory, 'd/z'));
  await utimes(join(directory, 'd/y'), 1e9, 1e9);
  const dest = join(base, 'many');
  await mkdir(join(dest, 'local/d/x'), { recursive: true });
  await build([
    '-t',
    'out:1',
    '-o',
    `${dest}/local`,
    '-o',
    `type=tar,dest=${dest}/a.tar`,
    '-o',
    `type=oci,dest=${dest}/oci.tar`,
    '-o',
    `type=docker,dest=${dest}/docker.tar`,
    '--load',
    directory,
  ]);
  const x = await lstat(join(dest, 'local/d/x'));
  assert.equal(x.mode & 0o7777, 0o2750);
  const [y, z] = await Promise.all(['y', 'z'].map((name) => stat(join(dest, 'local/d', name))));
  assert.equal(y?.ino, z?.ino);
  assert.equal(y?.mtimeMs, 1e12);
  assert.equal((await lstat(join(dest, 'local/d/l'))).isSymbolicLink(), true);
  const { stdout } = await run('tar', ['-tf', `${dest}/a.tar`]);
  assert.deepEqual(stdout.trim().split('\n').sort(), ['d/', 'd/l', 'd/x', 'd/y', 'd/z']);
  assert.match((await run('tar', ['-tf', `${dest}/oci.tar`])).stdout, /^index\.json$/m);
  assert.match((await run('tar', ['-xOf', `${dest}/docker.tar`, 'manifest.json'])).stdout, /out:1/);
  assert.ok((await images()).includes('docker.io/library/out:1'));
  assert.ok(!(await readdir(dest)).some((name) => name.includes('partial')));
  const piped = await build(['-o', '-', directory]);
  await writeFile(`${dest}/b.tar`, piped.stdout);
  assert.deepEqual(await readFile(`${dest}/b.tar`), await readFile(`${dest}/a.tar`));
  await buildctl(directory, `type=tar,dest=${dest}/c.tar`);
  assert.deepEqual(await readFile(`${dest}/c.tar`), await readFile(`${dest}/a.tar`));

  await build(['-t', 'out:2', '-o', `type=oci,tar=false,dest=${dest}/layout`, directory]);
  const copy = await context({ Dockerfile: 'FROM base\nCOPY --from=base /d/x /again\n' });
  const files = await built(['--build-context', `base=oci-layout://${dest}/layout:2`, copy]);
  assert.equal(files['again'], 'x');
});

test('a local cache survives the loss of the daemon’s own', async () => {
  const directory = await context({ Dockerfile: `FROM ${BASE}\nRUN head -c 16 /dev/urandom | base64 > /random\n` });
  const cache = join(base, 'cache');
  const flags = ['--cache-from', `type=local,src=${cache}`, '--cache-to', `type=local,dest=${cache},mode=max`];
  const first = await build(['-t', 'cached', ...flags, directory]);
  assert.match(first.err, /local cache import at .* skipped/);
  await engine.tool('ctr', [
    '-a',
    engine.containerdSocket,
    '-n',
    'k8s.io',
    'images',
    'rm',
    'docker.io/library/cached:latest',
  ]);
  await engine.tool('buildctl', ['--addr', `unix://${engine.buildkitdSocket}`, 'prune', '--all']);
  const second = await build(['-t', 'cached', ...flags, directory]);
  assert.match(second.err, /CACHED/);
  assert.match(second.err, /importing cache manifest from local/);
});

test('a local cache is reset: blobs that its index does not need go, unless somebody writes there', async () => {
  const directory = await context({ Dockerfile: `FROM ${BASE}\nARG N\nRUN echo $N > /n\n` });
  const cache = join(base, 'reset-cache');
  const blobs = async () => (await readdir(join(cache, 'blobs/sha256'))).sort();
  const to = `type=local,dest=${cache}`;
  await build(['--build-arg', 'N=1', '--cache-to', `${to},tag=kept`, directory]);
  const kept = await blobs();
  await build(['--build-arg', 'N=2', '--cache-to', to, directory]);
  await build(['--build-arg', 'N=3', '--cache-to', `${to},reset=false`, directory]);
  const all = await blobs();
  const used = new CacheLock(cache);
  await used.share(AbortSignal.timeout(1000));
  const busy = await build(['--build-arg', 'N=4', '--cache-to', `${to},reset=true`, directory]);
  assert.match(busy.err, /WARNING: local cache at .*reset-cache not reset: it is in use/);
  assert.ok((await blobs()).length > all.length);
  await used.release();
  await build(['--build-arg', 'N=4', '--cache-to', `${to},reset=true`, directory]);
  const left = await blobs();
  assert.ok(left.length < all.length);
  for (const blob of kept) assert.ok(left.includes(blob), `${blob} is of another tag`);
  // What is left is a cache that works: for us, and for buildctl's reset, which finds nothing more to take.
  await engine.tool('buildctl', ['--addr', `unix://${engine.buildkitdSocket}`, 'prune', '--all']);
  const again = await build(['--build-arg', 'N=4', '--cache-from', `type=local,src=${cache}`, directory]);
  assert.match(again.err, /CACHED/);
  await buildctl(directory, 'type=image', ['--opt=build-arg:N=4', `--export-cache=${to},reset=true`]);
  assert.deepEqual(await blobs(), left);
  const wrong = await build(['--cache-to', `${to},reset=maybe`, directory], {}, 1);
  assert.match(wrong.err, /--cache-to reset=maybe is neither true nor false/);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // ESRCH: there is no such process any more.
    return false;
  }
}

test('a registry with a password: push, base image, cache; the password stays secret', async () => {
  const registry: Registry = await startRegistry({ directory: join(base, 'registry'), user: USER });
  try {
    const auth = Buffer.from(`${USER.name}:${USER.password}`).toString('base64');
    const config = await context({ 'config.json': JSON.stringify({ auths: { [registry.address]: { auth } } }) });
    const directory = await context({ Dockerfile: `FROM ${BASE}\nRUN echo pushed > /p\n` });
    const name = `${registry.address}/team/pushed:1`;
    const cache = `type=registry,ref=${registry.address}/team/cache,registry.insecure=true`;
    const output = 'type=image,registry.insecure=true';
    const denied = await build(['-t', name, '--push', '-o', output, directory], {}, 1);
    assert.match(denied.err, /401|no basic auth|unauthorized/i);
    const env = { DOCKER_CONFIG: config };
    const { err } = await build(['-t', name, '--push', '-o', output, '--cache-to', cache, directory], { env });
    assert.match(err, /pushing manifest/);
    const list = await run('curl', [
      '-s',
      '-u',
      `${USER.name}:${USER.password}`,
      `http://${registry.address}/v2/team/pushed/tags/list`,
    ]);
    assert.match(list.stdout, /"tags":\["1"\]/);
    const again = await build(['--cache-from', cache, '--no-cache-filter', 'none', directory], { env });
    assert.match(again.err, /importing cache manifest/);
    // The cache in the image itself: whoever has the image's name has the cache.
    const inline = `${registry.address}/team/inline:1`;
    const random = await context({ Dockerfile: `FROM ${BASE}\nRUN head -c 16 /dev/urandom | base64 > /random\n` });
    await build(['-t', inline, '--push', '-o', output, '--cache-to', 'type=inline', random], { env });
    await engine.tool('ctr', ['-a', engine.containerdSocket, '-n', 'k8s.io', 'images', 'rm', inline]);
    await engine.tool('buildctl', ['--addr', `unix://${engine.buildkitdSocket}`, 'prune', '--all']);
    const from = `type=registry,ref=${inline},registry.insecure=true`;
    const reused = await build(['--cache-from', from, random], { env });
    assert.match(reused.err, /^#(\d+) \[2\/2\] RUN head[^\n]*\n#\1 CACHED$/m);

    for (const text of [denied.err, err, again.err]) assert.ok(!text.includes(USER.password));

    // A helper that waits (for a password, a keychain) goes with the build that asked it.
    const bin = await context({ 'docker-credential-slow': `#!/bin/sh\necho $$ > ${base}/helper; exec sleep 600\n` });
    await chmod(join(bin, 'docker-credential-slow'), 0o755);
    const slow = await context({ 'config.json': JSON.stringify({ credsStore: 'slow' }) });
    const side = host({ env: { DOCKER_CONFIG: slow, PATH: `${bin}:${process.env['PATH']}` } });
    const ended = runCli(['build', '-t', name, '--push', '-o', output, directory], side);
    const asked = () => readFile(join(base, 'helper'), 'utf8').catch(() => '');
    while ((await asked()) === '') await sleep(20);
    side.kill('SIGINT');
    assert.equal(await ended, 130);
    const pid = Number(await asked());
    for (let i = 0; i < 50 && isAlive(pid); i++) await sleep(20);
    assert.ok(!isAlive(pid));
  } finally {
    await registry.stop();
  }
});

test('a failing step is shown with its last lines, its place in the Dockerfile, and one sentence', async () => {
  const directory = await context({ Dockerfile: `FROM ${BASE}\nRUN echo some output; exit 7\nRUN true\n` });
  const { err } = await build([directory], {}, 1);
  assert.match(err, / > \[2\/3\] RUN echo some output; exit 7:\n[\d.]+ some output\n------\n/);
  assert.match(err, /Dockerfile:2\n-+\n {3}1 \| {5}FROM.*\n {3}2 \| >>> RUN echo some output; exit 7\n/);
  assert.match(err, /ERROR: failed to build: failed to solve: .*did not complete successfully: exit code: 7\n$/);
  const syntax = await build(
    ['-f', '-', directory],
    { stdin: Readable.from([Buffer.from('FROM scratch\nRUNN x\n')]) },
    1,
  );
  assert.match(syntax.err, /Dockerfile:2\n/);
  assert.match(syntax.err, /unknown instruction: RUNN/);
  const absent = await build([await context({ x: '' })], {}, 1);
  assert.match(absent.err, /failed to read dockerfile: open Dockerfile: no such file or directory/);
  const path = await build(['/no/such/dir'], {}, 1);
  assert.equal(path.err, 'ERROR: failed to build: unable to prepare context: path "/no/such/dir" not found\n');
  const flag = await build(['--no-such-flag', directory], {}, 125);
  assert.match(flag.err, /unknown flag: --no-such-flag/);
});

test('an error in a Dockerfile of 70 kB still arrives in words', async () => {
  const comment = `# ${'x'.repeat(98)}\n`;
  const directory = await context({ Dockerfile: `FROM ${BASE}\n${comment.repeat(700)}RUN exit 9\n` });
  const { err } = await build([directory], {}, 1);
  assert.match(err, /\nERROR: failed to build: failed to solve: .*did not complete successfully: exit code: 9\n$/);
});

test('warnings of the builder are listed at the end with their lines', async () => {
  const directory = await context({ Dockerfile: `from ${BASE} AS x\nRUN true\nRUN true\n` });
  const { err } = await build(['-t', 'warned', directory]);
  assert.match(err, /warnings? found:\n - (FromAsCasing|ConsistentInstructionCasing)/);
  assert.match(err, /Dockerfile:1\n/);
});

test('an interrupt stops the step that runs and exits like a process that was interrupted', async () => {
  const directory = await context({ Dockerfile: `FROM ${BASE}\nRUN echo started; sleep 3141\n` });
  const side = host({});
  const ended = runCli(['build', directory], side);
  while (!side.err.includes('started')) await sleep(20);
  const from = performance.now();
  side.kill('SIGINT');
  assert.equal(await ended, 130);
  assert.ok(performance.now() - from < 3000);
  assert.match(side.err.toString(), /ERROR: failed to build: canceled\n$/);
  const { stdout } = await run('ps', ['-eo', 'args']);
  assert.ok(!stdout.includes('sleep 3141'));
});

test('rawjson is one object a line, in the words of the Go client', async () => {
  const directory = await context({ Dockerfile: `FROM ${BASE}\nRUN echo raw\n` });
  const { err } = await build(['--progress', 'rawjson', directory]);
  const lines = err.trim().split('\n');
  const parsed = lines.map(
    (line) => JSON.parse(line) as { vertexes?: { digest: string }[]; logs?: { data: string }[] },
  );
  assert.ok(parsed.some(({ vertexes }) => vertexes?.[0]?.digest.startsWith('sha256:')));
  const logs = parsed.flatMap(({ logs: data = [] }) => data.map((log) => Buffer.from(log.data, 'base64').toString()));
  assert.equal(logs.join(''), 'raw\n');
});

test('five thousand files, and then only what changed', async () => {
  const files = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`d${i % 100}/f${i}`, `content ${i}`]));
  const directory = await context({ Dockerfile: 'FROM scratch\nCOPY . /\n', ...files });
  await build(['-t', 'many', directory]);
  await writeFile(join(directory, 'd7/f7'), 'changed');
  const { err } = await build(['-t', 'many', directory]);
  // The list of names alone has some 300 kB; the contents of all files would add as much again.
  const size = /transferring context: ([\d.]+)(kB|MB)/.exec(err.slice(err.indexOf('load build context')));
  assert.ok(size !== null && size[2] === 'kB' && Number(size[1]) < 400, err);
  const dest = join(base, 'many-out');
  await build(['-o', dest, directory]);
  assert.equal(await readFile(join(dest, 'd7/f7'), 'utf8'), 'changed');
  assert.equal(Object.keys(await tree(dest)).length, 5001);
});

test('builds at the same time do not disturb each other', async () => {
  const all = await Promise.all(
    Array.from({ length: 6 }, async (_, i) => {
      const directory = await context({
        Dockerfile: `FROM ${BASE}\nCOPY f /f\nRUN cat /f; echo ${i}\n`,
        f: `file ${i}`,
      });
      return (await build(['-t', `parallel:${i}`, directory])).err;
    }),
  );
  for (const [index, err] of all.entries()) assert.match(err, new RegExp(`file ${index}`));
});

test('a builder that dies ends the build with an error', async () => {
  const directory = await context({ Dockerfile: `FROM ${BASE}\nRUN echo started; sleep 2718\n` });
  const side = host({});
  const ended = runCli(['build', directory], side);
  while (!side.err.includes('started')) await sleep(20);
  await engine.kill('buildkitd');
  assert.equal(await ended, 1);
  // The gateway relays a builder's connection whole, so it ends with the builder.
  assert.match(side.err.toString(), /ERROR: failed to build: the connection to \S+k3c\.sock was lost\n/);
  await engine.start('buildkitd');
  await build([await context({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })]);
});
