/** The gateway before a real containerd and buildkitd, with the tools that people use on their own sockets. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Code, hasCode } from '../../src/api/errors.ts';
import { ControlDefinition } from '../../src/api/gen/github.com/moby/buildkit/api/services/control/control.ts';
import { VersionDefinition } from '../../src/api/gen/services/version/v1/version.ts';
import { RpcServer } from '../../src/api/rpc/server.ts';
import type { Handlers } from '../../src/api/rpc/types.ts';
import { connectBuildkitd } from '../../src/daemon/backends/buildkitd.ts';
import { connectContainerd } from '../../src/daemon/backends/containerd.ts';
import { Channel } from '../../src/daemon/backends/grpc.ts';
import { createGateway, type Gateway } from '../../src/daemon/gateway/gateway.ts';
import { silentLog } from '../../src/host/log.ts';
import { BUSYBOX_IMAGE, type Engine, startEngine, toolPath } from '../support/engine.ts';
import { eventually, TestService } from '../support/rpc.ts';
import { processesWith, removeCgroup } from '../support/sweep.ts';

const CGROUP = '/k3ct-gw';

let directory: string;
let engine: Engine;
let gateway: Gateway;
let socket: string;
let kubeletSocket: string;
const pulled: string[] = [];

before(async () => {
  directory = await mkdtemp('/tmp/k3c-gwi-');
  engine = await startEngine({
    root: join(directory, 'r'),
    state: join(directory, 's'),
    bridge: { name: 'k3ct-gw', subnet: '10.61.0.0/24' },
  });
  socket = join(directory, 'k3c.sock');
  kubeletSocket = join(directory, 'kubelet.sock');
  gateway = createGateway({
    socketPath: socket,
    rpc: new RpcServer(),
    upstreams: { containerd: engine.containerdSocket, buildkitd: engine.buildkitdSocket },
    kubelet: {
      socketPath: kubeletSocket,
      isOwn: () => false,
      isPinned: ({ repoTags }) => repoTags.includes('docker.io/library/built:1'),
      onPulled: (id) => pulled.push(id),
    },
    log: silentLog,
  });
  await gateway.listen();
});

after(async () => {
  await gateway?.close();
  await engine?.stop();
  await removeCgroup(CGROUP);
  await rm(directory, { recursive: true, force: true });
});

const ctr = (address: string, ...args: string[]) => engine.tool('ctr', ['-a', address, '-n', 'k8s.io', ...args]);
const buildctl = (address: string, ...args: string[]) =>
  engine.tool('buildctl', ['--addr', `unix://${address}`, ...args]);

/** A directory with a Dockerfile and what it needs. */
async function context(name: string, files: Record<string, string | Buffer>): Promise<string> {
  const path = join(directory, name);
  await mkdir(path, { recursive: true });
  for (const [file, content] of Object.entries(files)) await writeFile(join(path, file), content);
  return path;
}

const local = (path: string) => [
  '--frontend',
  'dockerfile.v0',
  '--local',
  `context=${path}`,
  '--local',
  `dockerfile=${path}`,
];

test('ctr says the same through the gateway as on containerd itself', async () => {
  for (const args of [
    ['version'],
    ['images', 'ls'],
    ['content', 'ls'],
    ['namespaces', 'ls'],
    ['plugins', 'ls'],
    ['snapshots', 'ls'],
    ['leases', 'ls'],
  ]) {
    assert.equal(await ctr(socket, ...args), await ctr(engine.containerdSocket, ...args), args.join(' '));
  }
});

test('ctr exports, imports and watches events', async () => {
  const events = spawn(toolPath('ctr'), ['-a', socket, 'events'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let seen = '';
  events.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
  });
  try {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const direct = join(directory, 'direct.tar');
    const through = join(directory, 'through.tar');
    await ctr(engine.containerdSocket, 'images', 'export', direct, BUSYBOX_IMAGE);
    await ctr(socket, 'images', 'export', through, BUSYBOX_IMAGE);
    assert.ok((await readFile(direct)).equals(await readFile(through)));
    await ctr(socket, 'images', 'import', '--base-name', 'example.org/copy', through);
    await ctr(socket, 'images', 'tag', BUSYBOX_IMAGE, 'example.org/tagged:1');
    await eventually(
      () => seen.includes('/images/create') && seen.includes('example.org/tagged:1'),
      'the event was seen',
    );
    await ctr(socket, 'images', 'rm', 'example.org/tagged:1');
  } finally {
    events.kill();
    await once(events, 'exit');
  }
});

test('an error of containerd keeps its code and message', async () => {
  const direct = await ctr(engine.containerdSocket, 'images', 'export', '/dev/null', 'no.such/image:1').catch(String);
  assert.equal(
    await ctr(socket, 'images', 'export', '/dev/null', 'no.such/image:1').catch(String),
    direct.replaceAll(engine.containerdSocket, socket),
  );
  assert.match(direct, /not found/);
});

test('pods run through the gateway; a kubelet sees those that are not ours, and only those', async () => {
  const containerd = connectContainerd(socket);
  const kubelet = connectContainerd(kubeletSocket);
  try {
    const run = async (name: string, labels: Record<string, string>) => {
      const sandboxConfig = {
        metadata: { name, uid: name, namespace: 'default' },
        logDirectory: join(directory, 'logs'),
        labels,
        // Without a parent the stats of every pod are an error.
        linux: { cgroupParent: CGROUP },
      };
      const { podSandboxId } = await containerd.cri.runPodSandbox({ config: sandboxConfig });
      const { containerId } = await containerd.cri.createContainer({
        podSandboxId,
        sandboxConfig,
        config: {
          metadata: { name: 'c' },
          image: { image: BUSYBOX_IMAGE },
          command: ['sleep', '1000'],
          labels,
          logPath: `${name}.log`,
        },
      });
      await containerd.cri.startContainer({ containerId });
      return { podSandboxId, containerId };
    };
    const theirs = await run('theirs', { app: 'web' });
    const ours = await run('ours', { 'k3c.io/id': 'abc' });
    const both = [theirs.podSandboxId, ours.podSandboxId].sort();
    const { stdout } = await containerd.cri.execSync({
      containerId: theirs.containerId,
      cmd: ['echo', 'hi'],
      timeout: 10n,
    });
    assert.equal(stdout.toString(), 'hi\n');

    const sandboxes = async (client: typeof containerd) =>
      (await client.cri.listPodSandbox({})).items.map(({ id }) => id).sort();
    const containers = async (client: typeof containerd) =>
      (await client.cri.listContainers({})).containers.map(({ podSandboxId }) => podSandboxId).sort();
    const stats = async (client: typeof containerd) =>
      (await client.cri.listContainerStats({})).stats.map(({ attributes }) => attributes?.id).sort();
    const podStats = async (client: typeof containerd) =>
      (await client.cri.listPodSandboxStats({})).stats.map(({ attributes }) => attributes?.id).sort();
    assert.deepEqual(await sandboxes(containerd), both);
    assert.deepEqual(await containers(containerd), both);
    assert.deepEqual(await sandboxes(kubelet), [theirs.podSandboxId]);
    assert.deepEqual(await containers(kubelet), [theirs.podSandboxId]);
    assert.deepEqual(await stats(containerd), [theirs.containerId, ours.containerId].sort());
    assert.deepEqual(await stats(kubelet), [theirs.containerId]);
    assert.deepEqual(await podStats(containerd), both);
    assert.deepEqual(await podStats(kubelet), [theirs.podSandboxId]);
    // By id everything is there: a kubelet asks only for what it knows.
    assert.equal(
      (await kubelet.cri.podSandboxStatus({ podSandboxId: ours.podSandboxId })).status?.id,
      ours.podSandboxId,
    );

    const seen: string[] = [];
    const controller = new AbortController();
    const watching = (async () => {
      for await (const event of kubelet.cri.getContainerEvents({}, { signal: controller.signal }))
        seen.push(event.containerId);
    })().catch((error: unknown) => assert.ok(hasCode(error, Code.CANCELLED)));
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const { podSandboxId } of [ours, theirs]) {
      await containerd.cri.stopPodSandbox({ podSandboxId });
      await containerd.cri.removePodSandbox({ podSandboxId });
    }
    await eventually(() => seen.includes(theirs.containerId), 'the event of the foreign container came');
    controller.abort();
    await watching;
    assert.ok(!seen.includes(ours.containerId) && !seen.includes(ours.podSandboxId), 'no event of ours came');
  } finally {
    containerd.close();
    kubelet.close();
  }
});

test('buildctl builds from a local context, and CRI and the kubelet see the image at once', async () => {
  const ignored = Array.from({ length: 300 }, (_, i) => `ignored-${i}, with a comma`).join('\n');
  const path = await context('web', {
    Dockerfile: `FROM ${BUSYBOX_IMAGE}\nCOPY . /app\nRUN ls /app > /list && --mount=1 true || true\n`,
    'hello.txt': 'hello',
    'ignored-7, with a comma': 'no',
    '.dockerignore': ignored,
  });
  await buildctl(socket, 'build', ...local(path), '--output', 'type=image,name=docker.io/library/built:1,unpack=true');
  const containerd = connectContainerd(socket);
  const kubelet = connectContainerd(kubeletSocket);
  try {
    const { image } = await containerd.criImages.imageStatus({ image: { image: 'docker.io/library/built:1' } });
    assert.ok(image?.repoTags.includes('docker.io/library/built:1'));
    const pinned = async (client: typeof containerd) =>
      (await client.criImages.listImages({})).images.find(({ id }) => id === image?.id)?.pinned;
    assert.equal(await pinned(containerd), false);
    assert.equal(await pinned(kubelet), true);
  } finally {
    containerd.close();
    kubelet.close();
  }
  const out = join(directory, 'out');
  await buildctl(socket, 'build', ...local(path), '--output', `type=local,dest=${out}`);
  assert.equal(await readFile(join(out, 'app/hello.txt'), 'utf8'), 'hello');
  await assert.rejects(readFile(join(out, 'app/ignored-7, with a comma')));
  for (const args of [['du'], ['debug', 'workers'], ['debug', 'info']]) {
    assert.equal(await buildctl(socket, ...args), await buildctl(engine.buildkitdSocket, ...args), args.join(' '));
  }
});

test('a build that fails says why, and a build record is read over the gateway', async () => {
  const path = await context('broken', { Dockerfile: `FROM ${BUSYBOX_IMAGE}\nRUN echo reason >&2; exit 7\n` });
  const message = await buildctl(socket, 'build', ...local(path), '--progress', 'plain').catch(String);
  assert.match(message, /exit code: 7/);
  // The record lies in BuildKit's content service, which bears containerd's name.
  assert.match(await buildctl(socket, 'debug', 'histories'), /\S/);
});

test('buildx builds with the remote driver', async () => {
  const path = await context('x', {
    Dockerfile: `FROM ${BUSYBOX_IMAGE}\nCOPY f /f\nRUN --mount=type=secret,id=s cat /run/secrets/s > /s\n`,
    f: 'f',
    s: 'secret',
  });
  const env = { BUILDX_CONFIG: join(directory, 'buildx'), DOCKER_CONFIG: join(directory, 'docker') };
  const buildx = (...args: string[]) => engine.tool('buildx', args, env);
  await buildx('create', '--name', 'k3c', '--driver', 'remote', `unix://${socket}`);
  assert.match(await buildx('inspect', 'k3c', '--bootstrap'), /Status:\s+running/);
  const out = join(directory, 'x-out');
  await buildx(
    'build',
    '--builder',
    'k3c',
    '--secret',
    `id=s,src=${path}/s`,
    '--output',
    `type=local,dest=${out}`,
    path,
  );
  assert.equal(await readFile(join(out, 's'), 'utf8'), 'secret');
  await buildx(
    'build',
    '--builder',
    'k3c',
    '--output',
    'type=image,name=docker.io/library/x:1,unpack=true',
    '--metadata-file',
    join(directory, 'meta.json'),
    path,
  );
  assert.match(await ctr(socket, 'images', 'ls', '-q'), /docker.io\/library\/x:1/);
  await buildx('du', '--builder', 'k3c');
  await buildx('history', 'ls', '--builder', 'k3c');
});

test('a client that is killed within a RUN step ends that step', async () => {
  const path = await context('slow', { Dockerfile: `FROM ${BUSYBOX_IMAGE}\nRUN sleep 98765.${process.pid}\n` });
  const client: ChildProcess = spawn(
    toolPath('buildctl'),
    ['--addr', `unix://${socket}`, 'build', ...local(path), '--no-cache', '--progress', 'plain'],
    { stdio: 'ignore' },
  );
  const running = async (): Promise<boolean> => (await processesWith([`sleep 98765.${process.pid}`])).length > 0;
  const until = async (wanted: boolean) => {
    for (let i = 0; i < 200 && (await running()) !== wanted; i++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(await running(), wanted);
  };
  await until(true);
  client.kill('SIGKILL');
  await until(false);
});

test('kill -9 of a daemon ends its calls with UNAVAILABLE, harms nobody else, and is over when it is back', async () => {
  const containerd = connectContainerd(socket);
  const buildkitd = connectBuildkitd(socket);
  try {
    const watching = async (events: AsyncIterable<unknown>) => {
      for await (const _ of events);
    };
    const builds = watching(buildkitd.control.listenBuildHistory({ ActiveOnly: false }));
    const events = watching(containerd.events.subscribe({}));
    const cut = assert.rejects(builds, (error) => hasCode(error, Code.UNAVAILABLE));
    let ended = false;
    void events.catch(() => {
      ended = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    await engine.kill('buildkitd');
    await cut;
    await assert.rejects(buildkitd.control.listWorkers({ filter: [] }), (error) => hasCode(error, Code.UNAVAILABLE));
    await containerd.version.version({});
    assert.equal(ended, false, 'a stream of the other daemon goes on');
    await engine.start('buildkitd');
    assert.equal((await buildkitd.control.listWorkers({ filter: [] })).record.length, 1);

    await engine.kill('containerd');
    await eventually(() => ended, 'the stream of containerd has ended');
    await assert.rejects(containerd.version.version({}), (error) => hasCode(error, Code.UNAVAILABLE));
    await engine.start('containerd');
    await containerd.version.version({});
  } finally {
    containerd.close();
    buildkitd.close();
  }
});

/** A gateway of its own, which has seen no client mix calls yet, with a method of k3c that echoes. */
async function fresh(use: (path: string) => Promise<void>): Promise<void> {
  const echo: Handlers<typeof TestService>['unary'] = async (request) => request;
  const path = join(directory, 'fresh.sock');
  const other = createGateway({
    socketPath: path,
    rpc: new RpcServer().add(TestService, { unary: echo } as Handlers<typeof TestService>),
    upstreams: { containerd: engine.containerdSocket, buildkitd: engine.buildkitdSocket },
    log: silentLog,
  });
  await other.listen();
  try {
    await use(path);
  } finally {
    await other.close();
  }
}

const CALLS = 300;

for (const way of ['turns', 'together', 'joined'] as const) {
  test(`one channel calls all three daemons (${way})`, async () => {
    for (const retry of [{}, { DISABLE_RETRY: '1' }]) {
      await fresh(async (path) => {
        const args = [path, way, String(CALLS), `/${TestService.fullName}/Unary`];
        const { stdout } = await promisify(execFile)(toolPath('one-channel'), args, {
          env: { ...process.env, ...retry },
        });
        assert.deepEqual(JSON.parse(stdout), { ok: CALLS, failures: {} });
      });
    }
    await fresh(async (path) => {
      // Its retries are switched off.
      const channel = new Channel('the gateway', path);
      const calls = [
        async () => (await channel.client(VersionDefinition).version({})).version,
        async () => (await channel.client(TestService).unary({ data: Buffer.from('echo') })).data.toString(),
        async () => (await channel.client(ControlDefinition).info({})).buildkitVersion?.version,
      ];
      const answers: (string | undefined)[] = [];
      const call = async (i: number) => {
        answers[i] = await calls[i % calls.length]?.();
      };
      try {
        if (way === 'joined') await call(0);
        if (way === 'turns') for (let i = 0; i < CALLS; i++) await call(i);
        else await Promise.all(Array.from({ length: CALLS }, (_, i) => call(i)));
      } finally {
        channel.close();
      }
      assert.equal(answers.length, CALLS);
      assert.match(answers[0] ?? '', /^v?\d/);
      assert.match(answers[2] ?? '', /^v?\d/);
      assert.deepEqual(answers.slice(3), answers.slice(0, -3));
      assert.equal(answers[1], 'echo');
    });
  });
}

test('a build context of 400 MB goes through whole, at a pace that is printed', async () => {
  const path = await context('big', { Dockerfile: 'FROM scratch\nCOPY big /\n' });
  const times = { direct: [] as number[], gateway: [] as number[] };
  for (let round = 0; round < 2; round++) {
    for (const [name, address] of [
      ['direct', engine.buildkitdSocket],
      ['gateway', socket],
    ] as const) {
      await writeFile(join(path, 'big'), randomBytes(400 << 20));
      const started = performance.now();
      await buildctl(address, 'build', ...local(path), '--progress', 'quiet');
      times[name].push(performance.now() - started);
    }
  }
  const [direct, through] = [Math.min(...times.direct), Math.min(...times.gateway)];
  console.log(
    `400 MB context, best of 2: direct ${direct.toFixed(0)} ms, gateway ${through.toFixed(0)} ms, ratio ${(direct / through).toFixed(2)}`,
  );
  // The goal is 0.85 on a quiet machine. Tests run beside each other: here only a gateway that throttles fails.
  assert.ok(direct / through > 0.25);
});
