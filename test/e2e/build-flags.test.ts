/** Every flag of `build` that changes what a step sees or what comes out, on the packaged binary. */
import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { XattrFiles } from '../../src/host/xattr.ts';
import { compileAskAgent } from '../support/ask-agent.ts';
import { run } from '../support/binary.ts';
import { type Daemon, type RunOptions, startDaemon } from '../support/k3c.ts';

let daemon: Daemon;
let cwd: string;
/** Serves the test's directory; BuildKit fetches from it. */
let server: Server;
let url: string;
before(async () => {
  daemon = await startDaemon();
  cwd = daemon.directory;
  await mkdir(join(cwd, 'ctx'));
  await writeFile(join(cwd, 'ctx/a'), 'hello\n');
  await writeFile(join(cwd, 'ctx/Dockerfile'), 'FROM busybox\nCOPY a /a\n');
  server = createServer((request, response) => {
    readFile(join(cwd, decodeURIComponent(new URL(request.url ?? '', 'http://x').pathname))).then(
      (content) => response.end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  server?.close();
  await daemon?.stop();
});

type BuildOptions = Pick<RunOptions, 'stdin' | 'env'>;
const build = (args: readonly string[], options: BuildOptions = {}) =>
  daemon.k3c(['build', ...args], { ...options, cwd });

/** A build that must succeed: its progress. */
async function built(args: readonly string[], options: BuildOptions = {}): Promise<string> {
  const { code, stderr } = await build(args, options);
  assert.equal(code, 0, stderr);
  return stderr;
}

/** The files of a build's last stage, by name. */
async function outputOf(args: readonly string[], options: BuildOptions = {}): Promise<Record<string, string>> {
  const out = join(cwd, `out-${Math.random().toString(36).slice(2)}`);
  await built(['-o', out, ...args], options);
  const files = await readdir(out);
  return Object.fromEntries(
    await Promise.all(files.map(async (name) => [name, await readFile(join(out, name), 'utf8')])),
  );
}

/** What a step prints, from the plain progress. */
const printed = (log: string) =>
  log
    .split('\n')
    .flatMap((line) => /^#\d+ \d+\.\d+ (.*)$/.exec(line)?.[1] ?? [])
    .join('\n');

const STEPS: readonly (readonly [flags: string, step: string, seen: RegExp])[] = [
  ['--network none', 'RUN ls /sys/class/net', /^lo$/],
  ['--network host', 'RUN ls /sys/class/net | grep -v lo', /\w/],
  ['--add-host a:1.2.3.4 --add-host b=[::1]', 'RUN grep -E " ?(a|b)$" /etc/hosts', /1\.2\.3\.4\s+a\n::1\s+b/],
  ['--add-host h:host-gateway', 'RUN grep h$ /etc/hosts', /127\.0\.0\.1\s+h$/],
  ['--ulimit nofile=100:200', 'RUN ulimit -Sn; ulimit -Hn', /^100\n200$/],
  ['--shm-size 10m', 'RUN df -k /dev/shm | tail -1', /10240/],
  ['--cgroup-parent PARENT', 'RUN cat /proc/self/cgroup', /:\/k3c-k3ce\w+\/of-a-build\//],
  ['--cpuset-cpus 0', 'RUN grep Cpus_allowed_list /proc/self/status', /:\s+0$/],
  ['-m 24m --memory-swap 24m', 'RUN head -c 100m /dev/zero | tail > /dev/null; echo $?', /^137$/m],
  ['--rm --force-rm', 'RUN echo as ever', /^as ever$/],
  ['--allow security.insecure', 'RUN --security=insecure grep CapEff /proc/self/status', /[0-9a-f]{6}ff[0-9a-f]{8}$/],
  ['--allow network.host', 'RUN --network=host ls /sys/class/net | grep -v lo', /\w/],
  ['--build-arg A=1 --build-arg FROM_ENV', 'ARG A\nARG FROM_ENV\nRUN echo $A-$FROM_ENV', /^1-outside$/],
];

for (const [index, [flags, step, seen]] of STEPS.entries()) {
  test(`a step with ${flags}`, async () => {
    const stdin = `FROM busybox\n${step.replace('RUN', `RUN --mount=type=tmpfs,target=/t${index}`)}\n`;
    // Below the daemon's own, which goes with it.
    const words = flags.replace('PARENT', `/k3c-${daemon.bridge}/of-a-build`).split(' ');
    const log = await built([...words, '--progress', 'plain', '-o', 'type=cacheonly', '-'], {
      stdin,
      env: { FROM_ENV: 'outside' },
    });
    assert.match(printed(log), seen);
  });
}

test('what the environment and docker’s configuration say reaches the steps, unless the user says otherwise', async () => {
  await mkdir(join(cwd, 'docker'));
  const proxies = { default: { httpProxy: 'http://p:1', noProxy: 'a,b' } };
  await writeFile(join(cwd, 'docker/config.json'), JSON.stringify({ proxies }));
  const env = { DOCKER_CONFIG: join(cwd, 'docker'), SOURCE_DATE_EPOCH: '1000000000' };
  const stdin = `FROM busybox AS b
ARG SOURCE_DATE_EPOCH
RUN echo $HTTP_PROXY $http_proxy $NO_PROXY $SOURCE_DATE_EPOCH > /e
FROM scratch
COPY --from=b /e /
`;
  const said = async (...args: string[]) => (await outputOf([...args, '--no-cache', '-'], { stdin, env }))['e'];
  assert.equal(await said(), 'http://p:1 http://p:1 a,b 1000000000\n');
  assert.equal(await said('--build-arg', 'http_proxy=x', '--build-arg', 'SOURCE_DATE_EPOCH=2'), 'x x a,b 2\n');
  const { code, stderr } = await build(['--rm=false', '-'], { stdin: 'FROM scratch\n' });
  assert.equal(code, 1);
  assert.match(stderr, /--rm=false: steps leave no containers that could be kept/);
});

test('entitlements that were not given are refused in words, with the flag that gives them', async () => {
  for (const [option, name] of [
    ['--security=insecure', 'security.insecure'],
    ['--network=host', 'network.host'],
  ]) {
    const { code, stderr } = await build(['-'], { stdin: `FROM busybox\nRUN ${option} true\n` });
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`${name} is not allowed\nhint: allow it for this build with --allow ${name}\n$`));
  }
});

test('--check prints what the linter finds and exits with 1; --call asks for outline and targets', async () => {
  const stdin = 'from busybox AS one\nARG X=2\nRUN --mount=type=secret,id=s true\nFROM one AS two\n';
  const check = await build(['--check', '-'], { stdin });
  assert.equal(check.code, 1);
  assert.match(check.stdout, /^Check complete, \d warnings have been found!\n\nWARNING: /);
  assert.match(check.stdout, /Dockerfile:1\n-+\n {3}1 \| >>> from busybox AS one\n/);
  const good = await build(['--check', 'ctx']);
  assert.deepEqual([good.code, good.stdout], [0, 'Check complete, no warnings found.\n']);
  const bad = await build(['--check', '-'], { stdin: 'FROM busybox\nRUNN x\n' });
  assert.deepEqual([bad.code, bad.stdout], [1, '']);
  assert.match(bad.stderr, /ERROR: dockerfile parse error on line 2: unknown instruction: RUNN .*\nDockerfile:2\n/);
  const outline = await build(['--call', 'outline', '-'], { stdin });
  assert.match(outline.stdout, /^TARGET: +two\n(.*\n)*X +2 *\n(.*\n)*SECRET.*\ns *\n/);
  const targets = await build(['--call=targets', '-'], { stdin });
  assert.match(targets.stdout, /^TARGET.*\none *\ntwo \(default\) *\n$/);
  const json = await build(['--call=check,format=json,ignorestatus=true', '-'], { stdin });
  assert.equal(json.code, 0);
  assert.ok((JSON.parse(json.stdout) as { warnings: unknown[] }).warnings.length > 0);
  assert.match((await build(['--call', 'x', 'ctx'])).stderr, /unsupported request frontend\.x\n$/);
});

test('a context from git, with a reference and a folder; from a tar and a Dockerfile behind a URL', async () => {
  const git = async (...args: readonly string[]) => {
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'init.defaultBranch=main'];
    const { code, stderr } = await run('git', [...identity, ...args], { cwd });
    assert.equal(code, 0, stderr);
  };
  await mkdir(join(cwd, 'repo/sub'), { recursive: true });
  const dockerfile = 'FROM scratch\nCOPY f /\n';
  for (const [folder, content] of [
    ['', 'first'],
    ['sub/', 'below'],
  ] as const) {
    await writeFile(join(cwd, `repo/${folder}Dockerfile`), dockerfile);
    await writeFile(join(cwd, `repo/${folder}f`), content);
  }
  await git('init', '-q', 'repo');
  await git('-C', 'repo', 'add', '.');
  await git('-C', 'repo', 'commit', '-qm', '1');
  await git('-C', 'repo', 'tag', 'v1');
  await writeFile(join(cwd, 'repo/f'), 'second');
  await git('-C', 'repo', 'commit', '-qam', '2');
  await git('clone', '-q', '--bare', 'repo', 'repo.git');
  await git('-C', 'repo.git', 'update-server-info');
  assert.deepEqual(await outputOf([`${url}/repo.git`]), { f: 'second' });
  assert.deepEqual(await outputOf([`${url}/repo.git#v1`]), { f: 'first' });
  assert.deepEqual(await outputOf([`${url}/repo.git#v1:sub`]), { f: 'below' });
  const missing = await build([`${url}/repo.git#none`]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /none/);

  assert.equal((await run('tar', ['-czf', 'remote.tgz', '-C', 'repo', 'Dockerfile', 'f'], { cwd })).code, 0);
  assert.deepEqual(await outputOf([`${url}/remote.tgz`]), { f: 'second' });
  await writeFile(
    join(cwd, 'remote.Dockerfile'),
    'FROM busybox AS b\nRUN echo remote > /r\nFROM scratch\nCOPY --from=b /r /\n',
  );
  assert.deepEqual(await outputOf([`${url}/remote.Dockerfile`]), { r: 'remote\n' });
});

test('a tar on standard input, however it was compressed', async () => {
  await writeFile(join(cwd, 'ctx/Dockerfile.in'), 'FROM scratch\nCOPY a /\n');
  for (const compression of ['--gzip', '--bzip2', '--xz', '--zstd', '--no-auto-compress']) {
    const archive = join(cwd, 'in.tar');
    assert.equal((await run('tar', ['-cf', archive, compression, '-C', 'ctx', 'a', 'Dockerfile.in'], { cwd })).code, 0);
    const output = await outputOf(['-f', 'Dockerfile.in', '-'], { stdin: await readFile(archive) });
    assert.deepEqual(output, { a: 'hello\n' }, compression);
  }
});

test('named contexts: a directory, an image, a git repository, an image layout', async () => {
  await mkdir(join(cwd, 'other'));
  await writeFile(join(cwd, 'other/o'), 'from a directory');
  await built(['-t', 'named:1', '-f', '-', 'other'], { stdin: 'FROM scratch\nCOPY o /i\n' });
  await built(['-o', 'type=oci,tar=false,dest=layout', '-f', '-', 'other'], { stdin: 'FROM scratch\nCOPY o /l\n' });
  const stdin = `FROM scratch
COPY --from=dir o /o
COPY --from=img i /i
COPY --from=git f /f
COPY --from=lay l /l
`;
  const contexts = {
    dir: 'other',
    img: 'docker-image://named:1',
    git: `${url}/repo.git#v1:sub`,
    lay: 'oci-layout://layout',
  };
  const flags = Object.entries(contexts).flatMap(([name, value]) => ['--build-context', `${name}=${value}`]);
  const text = 'from a directory';
  assert.deepEqual(await outputOf([...flags, '-'], { stdin }), { o: text, i: text, f: 'below', l: text });
  const base = await outputOf(['--build-context', 'base=docker-image://named:1', '-'], { stdin: 'FROM base\n' });
  assert.deepEqual(base, { i: text });
  const unknown = await build(['--build-context', 'x=target:y', '-'], { stdin: 'FROM x\n' });
  assert.match(
    unknown.stderr,
    /x=target:y: only a bake file has targets to build from\nhint: a stage of this Dockerfile/,
  );
});

test('several platforms make an index; labels and annotations are where they belong', async () => {
  const flags = ['--label', 'l=1', '--annotation', 'a=2', '--annotation', 'index:b=3', '-t', 'multi:1'];
  await built(['--platform', 'linux/amd64,linux/arm64', ...flags, '-o', 'type=oci,dest=multi.tar', '-f', '-', 'ctx'], {
    stdin: 'FROM scratch\nCOPY a /\n',
  });
  await mkdir(join(cwd, 'multi'));
  assert.equal((await run('tar', ['-xf', 'multi.tar', '-C', 'multi'], { cwd })).code, 0);
  const read = async (digest: string) =>
    JSON.parse(await readFile(join(cwd, 'multi/blobs', digest.replace(':', '/')), 'utf8')) as {
      manifests: { digest: string; platform: { architecture: string } }[];
      annotations?: Record<string, string>;
      config: { digest: string };
      architecture: string;
    };
  const outer = JSON.parse(await readFile(join(cwd, 'multi/index.json'), 'utf8')) as {
    manifests: { digest: string }[];
  };
  const index = await read(outer.manifests[0]?.digest ?? '');
  assert.deepEqual(index.annotations, { b: '3' });
  assert.deepEqual(index.manifests.map(({ platform }) => platform.architecture).sort(), ['amd64', 'arm64']);
  for (const { digest, platform } of index.manifests) {
    const manifest = await read(digest);
    assert.deepEqual(manifest.annotations, { a: '2' });
    const config = (await read(manifest.config.digest)) as unknown as {
      architecture: string;
      config: { Labels: object };
    };
    assert.equal(config.architecture, platform.architecture);
    assert.deepEqual(config.config.Labels, { l: '1' });
  }
});

test('--provenance is recorded; --sbom without its scanner fails in words', async () => {
  await built(['--provenance', 'mode=max', '-o', 'type=oci,tar=false,dest=attested', 'ctx']);
  const { stdout } = await run('grep', ['-rl', 'slsa.dev/provenance', 'attested/blobs'], { cwd });
  assert.notEqual(stdout, '');
  const sbom = await build(['--sbom', 'generator=127.0.0.1:1/docker/buildkit-syft-scanner:1', 'ctx']);
  assert.equal(sbom.code, 1);
  assert.match(sbom.stderr, /hint: an SBOM is made by a scanner image/);
});

test('--no-cache runs everything again, --no-cache-filter one stage, --target leaves the others out', async () => {
  const stdin =
    'FROM busybox AS one\nRUN echo 1 > /1\nFROM one AS two\nRUN echo 2 > /2\nFROM two AS three\nRUN exit 1\n';
  const cached = async (...flags: string[]) => {
    const log = await built(['--progress', 'plain', '--target', 'two', ...flags, '-'], { stdin });
    return ['one', 'two'].map((stage) => {
      const number = new RegExp(`^#(\\d+) \\[${stage} .* RUN`, 'm').exec(log)?.[1] ?? '?';
      return new RegExp(`^#${number} CACHED$`, 'm').test(log);
    });
  };
  await cached();
  assert.deepEqual(await cached(), [true, true]);
  assert.deepEqual(await cached('--no-cache-filter', 'two'), [true, false]);
  assert.deepEqual(await cached('--no-cache'), [false, false]);
});

test('a key file is forwarded as an agent, and only for what an agent of a build may do', async () => {
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(cwd, 'key')]);
  await mkdir(join(cwd, 'ssh'));
  await compileAskAgent(join(cwd, 'ssh/ask'));
  const stdin =
    'FROM busybox AS b\nCOPY ask /\nRUN --mount=type=ssh,id=k (/ask 11; echo; /ask 17) > /answers\nFROM scratch\nCOPY --from=b /answers /\n';
  const { answers = '' } = await outputOf(['--ssh', 'k=key', '-f', '-', 'ssh'], { stdin });
  const [list = '', add] = answers.split('\n');
  const blob = Buffer.from((await readFile(join(cwd, 'key.pub'), 'utf8')).split(' ')[1] ?? '', 'base64');
  assert.ok(Buffer.from(list.trim().split(' ').map(Number)).includes(blob), list);
  assert.equal(add, '0 0 0 1 5 ');
  const noKey = await build(['--ssh', 'k=ssh/ask.c', '-'], { stdin });
  assert.match(noKey.stderr, /^ERROR: failed to build: --ssh k: ssh\/ask\.c: this is neither .*\n$/);
});

test('extended attributes travel with the context and into a local output', async () => {
  await mkdir(join(cwd, 'attributes'));
  await writeFile(join(cwd, 'attributes/f'), 'x');
  await chmod(join(cwd, 'attributes/f'), 0o755);
  assert.ok(new XattrFiles(join(cwd, 'attributes')).set('f', 'user.k3c', Buffer.from('kept')));
  await built(['-o', 'attributes.out', '-f', '-', 'attributes'], { stdin: 'FROM scratch\nCOPY f /\n' });
  const found = new XattrFiles(join(cwd, 'attributes.out')).read('f');
  assert.deepEqual(found?.get('user.k3c'), Buffer.from('kept'));
});

test('files about the result: written as named, none from before when the build fails', async () => {
  await writeFile(join(cwd, 'iid'), 'old');
  assert.equal((await build(['--iidfile', 'iid', '-'], { stdin: 'FROM busybox\nRUN false\n' })).code, 1);
  assert.ok(!(await readdir(cwd)).includes('iid'));
  await built(['--iidfile', 'iid', '--metadata-file', 'meta', '-o', 'type=image,name=as-named', 'ctx']);
  assert.match(await readFile(join(cwd, 'iid'), 'utf8'), /^sha256:[0-9a-f]{64}$/);
  const metadata = JSON.parse(await readFile(join(cwd, 'meta'), 'utf8')) as Record<string, unknown>;
  assert.equal(metadata['image.name'], 'docker.io/library/as-named:latest');
  const { code, stderr } = await build(['--metadata-file', 'none/meta', 'ctx']);
  assert.equal(code, 1);
  assert.match(stderr, /open none\/meta: no such file or directory\n$/);
});

test(':latest gets a word about Kubernetes, other tags and -q none', async () => {
  assert.match(await built(['-t', 'hinted', 'ctx']), /\nhint: Kubernetes pulls hinted:latest from its registry .*\n$/);
  assert.doesNotMatch(await built(['-t', 'hinted:1', 'ctx']), /hint:/);
  assert.equal(await built(['-q', '-t', 'hinted', 'ctx']), '');
});
