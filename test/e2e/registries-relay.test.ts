/** What neither containerd nor BuildKit can do of registries.yaml by itself: the relay, and images pulled for builds. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Containerd, connectContainerd } from '../../src/daemon/backends/containerd.ts';
import { run } from '../support/binary.ts';
import { toolPath } from '../support/engine.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { hasRegistry, type Registry, startRegistry } from '../support/registry.ts';
import { startTokenGuard, type TokenGuard } from '../support/token-guard.ts';

const ADA = { name: 'ada', password: 'difference-engine' };
const IDENTITY = 'identity-token-of-the-machine';

let base: string;
let file: string;
let daemon: Daemon;
let containerd: Containerd;
let open: Registry;
/** Basic authentication, with credentials in registries.yaml. */
let closed: Registry;
/** Takes the identity token of registries.yaml; has what `open` has. */
let guard: TokenGuard;

describe('registries by way of the relay', {
  skip: !(await hasRegistry()) && 'docker-registry is not installed',
}, () => {
  before(async () => {
    base = await mkdtemp(join(tmpdir(), 'k3c-relay-'));
    [open, closed] = await Promise.all([
      startRegistry({ directory: join(base, 'open') }),
      startRegistry({ directory: join(base, 'closed'), user: ADA }),
    ]);
    guard = await startTokenGuard(open.address, IDENTITY);
    file = join(base, 'registries.yaml');
    await writeFile(
      file,
      `mirrors:
  rewritten.test:
    endpoint: ["http://${closed.address}"]
    rewrite: {"^team/(.+)$": "$1-of-team"}
  down.test:
    endpoint: ["http://127.0.0.1:1"]
    rewrite: {"^(.+)$": "$1-x"}
  "*":
    endpoint: ["http://${open.address}"]
configs:
  "${closed.address}":
    auth: {username: ${ADA.name}, password: ${ADA.password}}
  "${guard.address}":
    auth: {identity_token: ${IDENTITY}}
`,
    );
    daemon = await startDaemon({ flags: ['--registries', file] });
    containerd = connectContainerd(join(daemon.state, 'containerd.sock'));
    for (const name of [
      `${open.address}/lib/app:1`,
      `${open.address}/lib/other:1`,
      `${closed.address}/lib/app:1`,
      `${closed.address}/app-of-team:1`,
    ]) {
      const context = await contextOf(`FROM busybox\nRUN echo ${randomUUID()} > /unique\n`);
      await daemon.ok(['build', '-q', '-t', name, '--push', context]);
      await daemon.k3c(['rmi', name]);
    }
    await forget();
  });
  after(async () => {
    containerd?.close();
    await daemon?.stop();
    await Promise.all([open?.stop(), closed?.stop(), guard?.stop()]);
    await rm(base, { recursive: true, force: true });
  });

  const contextOf = async (dockerfile: string) => {
    const context = await mkdtemp(join(base, 'context-'));
    await writeFile(join(context, 'Dockerfile'), dockerfile);
    return context;
  };
  /** Has nothing here but busybox. */
  const forget = async () => {
    const images = await daemon.ok(['images', '--format', '{{.Repository}}:{{.Tag}} {{.ID}}']);
    for (const [name = '', id = ''] of images.split('\n').map((line) => line.split(' '))) {
      if (name !== 'busybox:latest') await daemon.ok(['rmi', '-f', name.includes('<none>') ? id : name]);
    }
    await daemon.ok(['builder', 'prune', '-af']);
  };
  const tool = async (name: 'buildctl' | 'buildx', args: readonly string[]) => {
    const result = await run(toolPath(name), args, { env: { ...process.env, DOCKER_CONFIG: join(base, 'nobody') } });
    assert.equal(result.code, 0, `${name} ${args.join(' ')}: ${result.stderr}`);
    return result;
  };
  const buildBy = async (name: 'buildctl' | 'buildx', dockerfile: string) => {
    const context = await contextOf(dockerfile);
    if (name === 'buildx') return tool(name, ['--builder', 'k3c', 'build', '--progress', 'quiet', context]);
    const from = ['--local', `context=${context}`, '--local', `dockerfile=${context}`];
    return tool(name, ['--addr', `unix://${daemon.address}`, 'build', '--frontend', 'dockerfile.v0', ...from]);
  };
  const buildFrom = async (name: string, ...flags: string[]) => {
    const context = await contextOf(`FROM ${name}\nRUN test -s /unique && echo ${randomUUID()}\n`);
    return daemon.k3c(['build', '-q', ...flags, context]);
  };
  const hangUp = async (text: string, logged: RegExp) => {
    const from = daemon.log().length;
    await writeFile(file, text);
    process.kill(daemon.pid ?? 0, 'SIGHUP');
    for (let i = 0; i < 100 && !logged.test(daemon.log().slice(from)); i++) await sleep(50);
    assert.match(daemon.log().slice(from), logged);
  };

  test('buildctl and buildx pull with logins of registries.yaml, and what it rewrites', async () => {
    await tool('buildx', ['create', '--name', 'k3c', '--driver', 'remote', `unix://${daemon.address}`]);
    for (const name of ['buildctl', 'buildx'] as const) {
      for (const image of [`${closed.address}/lib/app:1`, 'rewritten.test/team/app:1', `${guard.address}/lib/app:1`]) {
        await buildBy(name, `FROM ${image}\nRUN test -s /unique && echo ${randomUUID()}\n`);
      }
      await forget();
    }
  });

  test('an identity token of registries.yaml: pull, CRI and builds', async () => {
    const name = `${guard.address}/lib/app:1`;
    await daemon.ok(['pull', '-q', name]);
    await forget();
    await containerd.criImages.pullImage({ image: { image: name } });
    assert.notEqual(await daemon.ok(['images', '-q', name]), '');
    await forget();
    assert.deepEqual((await buildFrom(name)).code, 0);
    await forget();
    for (const secret of [IDENTITY, ADA.password]) assert.ok(!daemon.log().includes(secret));
  });

  test('a build from a registry that only "*" speaks of: by tag, by digest, with --pull', async () => {
    const built = await buildFrom('anybody.test/lib/app:1');
    assert.equal(built.code, 0, built.stderr);
    const digest = /@(sha256:[0-9a-f]{64})/.exec(
      await daemon.ok(['inspect', '-f', '{{.RepoDigests}}', 'anybody.test/lib/app:1']),
    )?.[1];
    await forget();
    const byDigest = await buildFrom(`anybody.test/lib/app@${digest}`);
    assert.equal(byDigest.code, 0, byDigest.stderr);
    await forget();
    // What is here is used, and with --pull what the mirror has.
    await daemon.ok(['tag', 'busybox', 'anybody.test/lib/app:1']);
    assert.notEqual((await buildFrom('anybody.test/lib/app:1')).code, 0);
    const pulled = await buildFrom('anybody.test/lib/app:1', '--pull');
    assert.equal(pulled.code, 0, pulled.stderr);
    await forget();
    const missing = await buildFrom('anybody.test/lib/none:1');
    assert.match(missing.stderr, /anybody\.test\/lib\/none:1/);
    const never = await buildFrom('anybody.test/lib/none:1', '--pull');
    assert.match(never.stderr, /failed to solve: cannot reach anybody\.test: no such host/);
    await forget();
  });

  test('a build is the same to the cache whoever pulls', async () => {
    const context = await contextOf('FROM anybody.test/lib/other:1\nRUN cat /unique > /copy\n');
    const id = await daemon.ok(['build', '-q', context]);
    assert.equal(await daemon.ok(['build', '-q', context]), id);
    await daemon.ok(['rmi', 'anybody.test/lib/other:1']);
    assert.equal(await daemon.ok(['build', '-q', context]), id);
    await forget();
  });

  test('a mirror that is down is named by its own address; no error has a secret', async () => {
    await assert.rejects(containerd.criImages.pullImage({ image: { image: 'down.test/app:1' } }), (error: Error) => {
      assert.match(error.message, /502 http:\/\/127\.0\.0\.1:1: connect ECONNREFUSED|no such host/);
      assert.doesNotMatch(error.message, /[0-9a-f]{32}/);
      return true;
    });
    const built = await buildFrom('down.test/app:1');
    assert.match(built.stderr, /502 http:\/\/127\.0\.0\.1:1: connect ECONNREFUSED|no such host/);
    assert.doesNotMatch(built.stderr, /v2\/[0-9a-f]{32}/);
  });

  test('the relay serves containerd and BuildKit, and nobody else', async () => {
    const toml = await readFile(join(daemon.root, 'certs.d/rewritten.test/hosts.toml'), 'utf8');
    const url = /"(http:\/\/127\.0\.0\.1:\d+\/v2\/[^"]+)"/.exec(toml)?.[1];
    assert.match(url ?? '', /\/v2\/rewritten\.test\/0$/);
    const asked = await fetch(`${url}/team/app/manifests/1`);
    assert.equal(asked.status, 403);
  });

  test('builds follow SIGHUP at once: what the relay serves, and hosts that are new', async () => {
    const before = await readFile(file, 'utf8');
    const changed = before
      .replace('$1-of-team', 'lib/$1')
      .replace(
        'mirrors:\n',
        `mirrors:\n  late.test: {endpoint: ["http://${open.address}"], rewrite: {"^(.+)$": "lib/$1"}}\n`,
      );
    for (let i = 0; i < 2; i++) {
      await hangUp(changed, /registries are read anew/);
      await buildBy('buildctl', `FROM rewritten.test/team/app:1\nRUN test -s /unique && echo ${randomUUID()}\n`);
      const late = await buildFrom('late.test/other:1');
      assert.equal(late.code, 0, late.stderr);
      await forget();
      await hangUp(before, /registries are read anew/);
    }
    assert.equal(await relays(), 1, 'one relay, however often the file was read');
  });

  test('buildkitd is started anew when nobody builds; no build is cut, and those that come meanwhile wait', async () => {
    const before = await readFile(file, 'utf8');
    const host = (i: number) => `new${i}.test`;
    const change = (i: number) =>
      before.replace('mirrors:\n', `mirrors:\n  ${host(i)}: {endpoint: ["http://${open.address}"]}\n`);
    const renewed = () => daemon.log().match(/"child":"buildkitd".*"ready"|"ready".*"child":"buildkitd"/g)?.length ?? 0;
    // The last SIGHUP of the test before has been followed by then.
    await sleep(1500);
    const from = renewed();
    const slow = daemon.k3c(['build', '-q', await contextOf(`FROM busybox\nRUN sleep 3 && echo ${randomUUID()}\n`)]);
    await sleep(1000);
    await hangUp(change(0), /registries are read anew/);
    const others = [];
    for (let i = 0; i < 6; i++) {
      const context = await contextOf('FROM busybox\nRUN true\n');
      others.push(daemon.k3c(['build', '-q', context]), buildBy('buildctl', 'FROM busybox\nRUN true\n'));
      await sleep(300);
    }
    assert.equal(renewed(), from, 'a build is under way');
    assert.deepEqual((await slow).code, 0);
    for (const other of others) assert.ok(((await other)?.code ?? 0) === 0);
    for (let i = 0; i < 100 && renewed() === from; i++) await sleep(50);
    assert.equal(renewed(), from + 1);
    await buildBy('buildctl', `FROM ${host(0)}/lib/other:1\nRUN test -s /unique && echo ${randomUUID()}\n`);
    // Whenever it happens: each of these begins at another moment of a restart.
    for (let i = 1; i <= 3; i++) {
      await hangUp(change(i), /registries are read anew/);
      const builds = Array.from({ length: 6 }, async (_, n) => {
        await sleep(n * 40);
        const context = await contextOf('FROM busybox\nRUN true\n');
        if (n % 2 === 1) {
          await buildBy('buildctl', 'FROM busybox\nRUN true\n');
          return;
        }
        const built = await daemon.k3c(['build', '-q', context], { direct: n % 4 === 0 });
        assert.equal(built.code, 0, built.stderr);
      });
      await Promise.all(builds);
    }
    await hangUp(before, /registries are read anew/);
    await forget();
  });

  /** Listening TCP sockets of the daemon on loopback. */
  const relays = async () => {
    const table = await readFile(`/proc/${daemon.pid}/net/tcp`, 'utf8');
    const { stdout } = await run('ls', ['-l', `/proc/${daemon.pid}/fd`]);
    const columns = table.split('\n').map((line) => line.trim().split(/ +/));
    return columns.filter(
      ([, local = '', , state, , , , , , inode]) =>
        local.startsWith('0100007F:') && state === '0A' && stdout.includes(`socket:[${inode}]`),
    ).length;
  };
});
