import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Containerd, connectContainerd } from '../../src/daemon/backends/containerd.ts';
import { binary, run } from '../support/binary.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { hasRegistry, type Registry, startRegistry } from '../support/registry.ts';
import { hasTmux, openWindow } from '../support/tmux.ts';

const ADA = { name: 'ada', password: 'difference-engine' };
const BOB = { name: 'bob', password: 'other-word' };

let base: string;
let daemon: Daemon;
let containerd: Containerd;
let open: Registry;
/** Basic authentication; registries.yaml says nothing of it. */
let closed: Registry;
/** TLS of a private authority, a client certificate and a login, all of registries.yaml. */
let secure: Registry;
/** Answers every request with this status. */
let refusing: Server;
let status = 429;
const tmux = await hasTmux();

describe('registries', { skip: !(await hasRegistry()) && 'docker-registry is not installed' }, () => {
  before(async () => {
    base = await mkdtemp(join(tmpdir(), 'k3c-reg-'));
    [open, closed, secure] = await Promise.all([
      startRegistry({ directory: join(base, 'open') }),
      startRegistry({ directory: join(base, 'closed'), user: ADA }),
      startRegistry({ directory: join(base, 'secure'), user: BOB, tls: true, clientCertificate: true }),
    ]);
    refusing = createServer((_request, response) => response.writeHead(status).end());
    refusing.listen(0, '127.0.0.1');
    await once(refusing, 'listening');
    const file = join(base, 'registries.yaml');
    await writeFile(
      file,
      `mirrors:
  mirrored.test:
    endpoint: ["http://127.0.0.1:1", "http://${open.address}"]
  prefixed.test:
    endpoint: ["http://${open.address}"]
    rewrite: {"^(.*)$": "deep/$1"}
  rewritten.test:
    endpoint: ["https://${secure.address}"]
    rewrite: {"^team/(.+)/(.+)$": "$2/\${1}x"}
  "*":
    endpoint: ["http://${open.address}"]
configs:
  "${secure.address}":
    auth: {username: ${BOB.name}, password: ${BOB.password}}
    tls: {ca_file: ${secure.caFile}, cert_file: ${secure.client.certFile}, key_file: ${secure.client.keyFile}}
`,
    );
    daemon = await startDaemon({ flags: ['--registries', file] });
    containerd = connectContainerd(join(daemon.state, 'containerd.sock'));
  });
  after(async () => {
    containerd?.close();
    await daemon?.stop();
    await Promise.all([open?.stop(), closed?.stop(), secure?.stop()]);
    refusing?.close();
    await rm(base, { recursive: true, force: true });
  });

  /** Environment of a user with a configuration of their own. */
  const user = async () => ({ DOCKER_CONFIG: await mkdtemp(join(base, 'user-')) });
  const pullByCri = (image: string) => containerd.criImages.pullImage({ image: { image } });
  /** Pushes busybox under a name and forgets it here. */
  const publish = async (name: string) => {
    await daemon.ok(['tag', 'busybox', name]);
    await daemon.ok(['push', '-q', name]);
    await daemon.ok(['rmi', name]);
  };

  test('login, push, pull, logout; no password in a log', async () => {
    const env = await user();
    const name = `${closed.address}/team/app`;
    const wrong = await daemon.k3c(['login', '-u', ADA.name, '--password-stdin', closed.address], {
      env,
      stdin: 'wrong-word\n',
    });
    assert.deepEqual([wrong.code, wrong.stdout], [1, '']);
    assert.match(wrong.stderr, /^Error response from daemon: login to .* failed: unauthorized: incorrect username or/);
    const right = await daemon.k3c(['login', '-u', ADA.name, '--password-stdin', closed.address], {
      env,
      stdin: ADA.password,
    });
    assert.deepEqual([right.code, right.stdout], [0, 'Login Succeeded\n']);
    assert.match(right.stderr, /^WARNING! Your password will be stored unencrypted in .*config\.json\./);
    assert.equal((await stat(join(env.DOCKER_CONFIG, 'config.json'))).mode & 0o777, 0o600);
    assert.match(await daemon.ok(['login', closed.address], { env }), /^Authenticating with existing credentials/);

    for (const tag of ['1', '2']) await daemon.ok(['tag', 'busybox', `${name}:${tag}`]);
    const pushed = await daemon.ok(['push', '-a', name], { env });
    assert.match(pushed, /^The push refers to repository \[[^\n]*\n(.*\n)*1: digest: .*\n(.*\n)*2: digest: /);
    assert.equal(pushed.split('The push refers').length, 2);
    await daemon.ok(['rmi', `${name}:1`, `${name}:2`]);
    const denied = await daemon.k3c(['pull', `${name}:1`], { env: await user() });
    assert.match(denied.stderr, /^Error response from daemon: .*login.*\nhint: .*k3c login/);
    const all = await daemon.ok(['pull', '-a', name], { env });
    // In the registry's own order.
    for (const tag of ['1', '2']) assert.match(all, new RegExp(`^${tag}: Pulling from team/app\n`, 'm'));
    assert.ok(all.endsWith(`\nStatus: Downloaded newer image for ${name}\n${name}`), all);
    await daemon.ok(['rmi', `${name}:1`, `${name}:2`]);
    await daemon.ok(['run', '--rm', `${name}:1`, 'true'], { env });
    await daemon.ok(['rmi', `${name}:1`]);

    const context = join(base, 'from-closed');
    await mkdir(context);
    await writeFile(join(context, 'Dockerfile'), `FROM ${name}:2\nRUN echo built > /built\n`);
    await daemon.ok(['build', '-q', '-t', `${name}:3`, '--push', context], { env });
    assert.equal((await daemon.k3c(['pull', '-q', `${name}:3`], { env })).code, 0);
    await daemon.ok(['rmi', `${name}:3`]);

    assert.equal(
      await daemon.ok(['logout', closed.address], { env }),
      `Removing login credentials for ${closed.address}`,
    );
    assert.equal((await daemon.k3c(['pull', `${name}:1`], { env })).code, 1);
    for (const secret of [ADA.password, 'wrong-word', Buffer.from(`${ADA.name}:${ADA.password}`).toString('base64')]) {
      assert.ok(!daemon.log().includes(secret));
    }
  });

  test('a login is tried with the TLS settings of registries.yaml', async () => {
    const env = await user();
    const ok = await daemon.k3c(['login', '-u', BOB.name, '--password-stdin', secure.address], {
      env,
      stdin: BOB.password,
    });
    assert.deepEqual([ok.code, ok.stdout], [0, 'Login Succeeded\n']);
    const other = await daemon.k3c(['login', '-u', 'x', '-p', 'y', '127.0.0.1:1'], { env });
    assert.match(other.stderr, /\nError response from daemon: cannot reach 127\.0\.0\.1:1: connection refused\n/);
    const nobody = await daemon.k3c(['login', '-u', 'x', '-p', 'y', 'nosuch.invalid'], { env });
    assert.match(nobody.stderr, /\nError response from daemon: cannot reach nosuch\.invalid: no such host\n/);
  });

  test('a login on a terminal shows no password', { skip: !tmux && 'tmux is not installed' }, async (t) => {
    const env = await user();
    const window = await openWindow({ ...env, K3C_ADDRESS: daemon.address });
    t.after(() => window.close());
    await window.type(`${binary} login ${closed.address}\n`);
    await window.shows(/Username:$/);
    await window.type(`${ADA.name}\n`);
    await window.shows(/Password:$/);
    await window.type(`${ADA.password}\n`);
    const screen = await window.shows(/Login Succeeded/);
    assert.ok(!screen.includes(ADA.password));
    assert.match(screen, /Username: ada\n/);
    await window.type('stty -a | grep -c " echo "\n');
    await window.shows(/^1$/m);
  });

  test('registries.yaml alone: push, pull, run, CRI and builds with its login, CA and client certificate', async () => {
    const env = await user();
    const name = `${secure.address}/app:1`;
    await daemon.ok(['tag', 'busybox', name]);
    await daemon.ok(['push', '-q', name], { env });
    await daemon.ok(['rmi', name]);
    await daemon.ok(['run', '--rm', name, 'true'], { env });
    await daemon.ok(['rmi', name]);
    await pullByCri(name);
    assert.equal(await daemon.ok(['images', '-q', name]), await daemon.ok(['images', '-q', 'busybox']));
    await daemon.ok(['rmi', name]);
    const context = join(base, 'from-secure');
    await mkdir(context);
    await writeFile(join(context, 'Dockerfile'), `FROM ${name}\nRUN echo built > /built\n`);
    const built = `${secure.address}/built:1`;
    await daemon.ok(['build', '-q', '-t', built, '--push', context], { env });
    await daemon.ok(['rmi', built]);
    assert.equal(await daemon.ok(['run', '--rm', '-q', built, 'cat', '/built'], { env }), 'built');
    await daemon.ok(['rmi', built]);
  });

  test('mirrors: one that is down, a prefix, a regular expression, and one for all; pull, CRI and builds alike', async () => {
    await publish(`${open.address}/lib/app:1`);
    await publish(`${open.address}/deep/lib/app:1`);
    await publish(`${secure.address}/app/libx:1`);
    const names = [
      'mirrored.test/lib/app:1',
      'prefixed.test/lib/app:1',
      'rewritten.test/team/lib/app:1',
      'docker.io/lib/app:1',
      'anybody.test/lib/app:1',
    ];
    for (const [i, name] of names.entries()) {
      await daemon.ok(['pull', '-q', name]);
      await daemon.ok(['rmi', name]);
      await pullByCri(name);
      await daemon.ok(['rmi', name]);
      const context = await mkdtemp(join(base, 'mirror-'));
      await writeFile(join(context, 'Dockerfile'), `FROM ${name}\nRUN echo ${i} > /n\n`);
      await daemon.ok(['build', '-q', '-t', 'mirrored', context]);
      assert.equal(await daemon.ok(['run', '--rm', 'mirrored', 'cat', '/n']), `${i}`);
      await daemon.ok(['rmi', 'mirrored']);
      await daemon.k3c(['rmi', name]);
    }
    const tags = await daemon.ok(['pull', '-a', 'rewritten.test/team/lib/app']);
    assert.match(tags, /^1: Pulling from team\/lib\/app\n/);
    await daemon.ok(['rmi', 'rewritten.test/team/lib/app:1']);
  });

  test('layers that are here already are told as such', async () => {
    const context = join(base, 'shared');
    await mkdir(context);
    await writeFile(join(context, 'Dockerfile'), 'FROM busybox\nRUN echo more > /more\n');
    const name = `${open.address}/shared:1`;
    await daemon.ok(['build', '-q', '-t', name, context]);
    await daemon.ok(['push', '-q', name]);
    await daemon.ok(['rmi', name]);
    const pulled = await daemon.ok(['pull', name]);
    assert.match(
      pulled,
      /^1: Pulling from shared\n[0-9a-f]{12}: Already exists\n([0-9a-f]{12}): Pulling fs layer\n(\1: Download complete\n)?\1: Pull complete\nDigest: /,
    );
    assert.match(await daemon.ok(['pull', name]), /^1: Pulling from shared\nDigest: .*\nStatus: Image is up to date/);
    await daemon.ok(['rmi', name]);
  });

  test('layers compressed with zstd: built, pushed, pulled, run', async () => {
    const context = join(base, 'zstd');
    await mkdir(context);
    await writeFile(join(context, 'Dockerfile'), 'FROM busybox\nRUN echo small > /small\n');
    const name = `${open.address}/zstd:1`;
    const output = `type=image,name=${name},compression=zstd,force-compression=true,oci-mediatypes=true`;
    await daemon.ok(['build', '-q', '-o', output, context]);
    await daemon.ok(['push', '-q', name]);
    const headers = { accept: 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json' };
    const manifest = await (await fetch(`http://${open.address}/v2/zstd/manifests/1`, { headers })).text();
    assert.match(manifest, /tar\+zstd/);
    await daemon.ok(['rmi', name]);
    await daemon.ok(['pull', '-q', name]);
    assert.equal(await daemon.ok(['run', '--rm', name, 'cat', '/small']), 'small');
    // What is unpacked here by another compression is complete all the same: it can be pushed elsewhere.
    await daemon.ok(['tag', name, `${secure.address}/zstd:1`]);
    await daemon.ok(['push', '-q', `${secure.address}/zstd:1`]);
    await daemon.ok(['rmi', name, `${secure.address}/zstd:1`]);
  });

  test('an image of several platforms: pushed whole, pulled and run by platform, by digest', async () => {
    const context = join(base, 'multi');
    await mkdir(context);
    for (const architecture of ['amd64', 'arm64']) await writeFile(join(context, architecture), `${architecture}\n`);
    await writeFile(
      join(context, 'Dockerfile'),
      'FROM scratch\nARG TARGETARCH\nCOPY busybox /bin/cat\nCOPY $TARGETARCH /arch\n',
    );
    await run('cp', ['/bin/busybox', join(context, 'busybox')]);
    const name = `${open.address}/multi:1`;
    await daemon.ok(['build', '-q', '--platform', 'linux/amd64,linux/arm64', '-t', name, '--push', context]);
    await daemon.k3c(['rmi', name]);
    await daemon.ok(['pull', '-q', name]);
    assert.equal(await daemon.ok(['run', '--rm', name, 'cat', '/arch']), 'amd64');
    assert.equal(await daemon.ok(['run', '--rm', '--platform', 'linux/amd64', name, 'cat', '/arch']), 'amd64');
    const never = await daemon.k3c([
      'run',
      '--rm',
      '--pull',
      'never',
      '--platform',
      'linux/arm64',
      name,
      'cat',
      '/arch',
    ]);
    assert.equal(never.code, 125);
    assert.match(
      never.stderr,
      /image with reference .* was found but does not match the specified platform: wanted linux\/arm64(\/v8)?, actual: linux\/amd64/,
    );
    // The program in it is this machine's, so that it runs.
    const other = await daemon.k3c(['run', '--rm', '-q', '--platform', 'linux/arm64', name, 'cat', '/arch']);
    assert.deepEqual([other.stderr, other.stdout], ['', 'arm64\n']);
    const digest = /"Digest|@(sha256:[0-9a-f]{64})/.exec(
      await daemon.ok(['inspect', '-f', '{{.RepoDigests}}', name]),
    )?.[1];
    assert.ok(digest !== undefined);
    await daemon.ok(['rmi', '-f', name]);
    const byDigest = `${open.address}/multi@${digest}`;
    await daemon.ok(['pull', '-q', '--platform', 'linux/arm64', byDigest]);
    const warned = await daemon.k3c(['run', '--rm', byDigest, 'cat', '/arch']);
    assert.equal(warned.stdout, 'arm64\n');
    assert.match(
      warned.stderr,
      /^WARNING: The requested image's platform \(linux\/arm64(\/v8)?\) does not match the detected host platform \(linux\/amd64\)/,
    );
    await daemon.ok(['tag', byDigest, 'again:1']);
    await daemon.ok(['rmi', 'again:1', byDigest]);
    const none = await daemon.k3c(['pull', '--platform', 'linux/s390x', name]);
    assert.match(none.stderr, /no matching manifest for linux\/s390x in the manifest list entries/);
  });

  test('what registries answer is told in words', async () => {
    const { port } = refusing.address() as AddressInfo;
    const say = async (code: number) => {
      status = code;
      return (await daemon.k3c(['pull', `127.0.0.1:${port}/x`])).stderr;
    };
    assert.match(await say(429), /^Error response from daemon: toomanyrequests: .*\nhint: wait and try again/);
    assert.match(await say(403), /^Error response from daemon: pull access denied for /);
    assert.match(await say(500), /^Error response from daemon: pull of .* failed: /);
    const missing = await daemon.k3c(['pull', '-a', `${open.address}/no/such`]);
    assert.match(missing.stderr, /^Error response from daemon: repository .*\/no\/such not found: name unknown\n/);
  });

  test('several pulls at once, of one image and of others; one is interrupted and leaves nothing', async () => {
    const name = `${open.address}/large`;
    const context = join(base, 'large');
    await mkdir(context);
    await writeFile(
      join(context, 'Dockerfile'),
      'FROM busybox\nRUN head -c 16000000 /dev/urandom > /a\nRUN head -c 16000000 /dev/urandom > /b\n',
    );
    for (const tag of ['1', '2'])
      await daemon.ok(['build', '-q', '--no-cache', '-t', `${name}:${tag}`, '--push', context]);
    await daemon.k3c(['rmi', `${name}:1`, `${name}:2`]);
    const child = daemon.spawn(['pull', `${name}:1`]);
    const ended = once(child, 'exit');
    await once(child.stdout ?? child, 'data');
    child.kill('SIGINT');
    assert.deepEqual(await ended, [130, null]);
    for (let i = 0; i < 100 && (await containerd.content.listStatuses({})).statuses.length > 0; i++) await sleep(50);
    assert.equal((await containerd.content.listStatuses({})).statuses.length, 0, 'no half of a blob');
    assert.equal(await daemon.ok(['images', '-q', name]), '');
    const pulls = [`${name}:1`, `${name}:1`, `${name}:2`, `${name}:2`].map((each) => daemon.ok(['pull', '-q', each]));
    await Promise.all(pulls);
    assert.equal(await daemon.ok(['run', '--rm', `${name}:1`, 'stat', '-c', '%s', '/b']), '16000000');
    await daemon.ok(['rmi', `${name}:1`, `${name}:2`]);
  });

  test('SIGHUP reads the file anew; a wrong one changes nothing', async () => {
    const file = join(base, 'registries.yaml');
    const before = await readFile(file, 'utf8');
    const hangUp = async (text: string, logged: RegExp) => {
      await writeFile(file, text);
      process.kill(daemon.pid ?? 0, 'SIGHUP');
      for (let i = 0; i < 100 && !logged.test(daemon.log()); i++) await sleep(50);
      assert.match(daemon.log(), logged);
    };
    await publish(`${open.address}/deep/late:1`);
    assert.equal((await daemon.k3c(['pull', '-q', 'late.test/late:1'])).code, 1);
    await hangUp('mirrors: [', /registries stay as they were/);
    const late = `  late.test: {endpoint: ["http://${open.address}"], rewrite: {"^(.*)$": "deep/$1"}}\n`;
    await hangUp(before.replace('mirrors:\n', `mirrors:\n${late}`), /registries are read anew/);
    await daemon.ok(['pull', '-q', 'late.test/late:1']);
    await daemon.ok(['rmi', 'late.test/late:1']);
  });

  test('a file that was named and is not there is an error, and leaves no bridge', async () => {
    const bridge = `k3cnone${process.pid % 10_000}`;
    const places = ['--root', join(base, 'r'), '--state', join(base, 's'), '--bridge-name', bridge];
    const { code, stderr } = await run(binary, ['daemon', ...places, '--registries', join(base, 'none.yaml')]);
    assert.equal(code, 1);
    assert.match(stderr, /cannot read .*none\.yaml/);
    assert.notEqual((await run('ip', ['link', 'show', bridge])).code, 0);
  });
});
