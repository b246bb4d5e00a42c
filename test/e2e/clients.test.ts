/** What others see through k3c.sock: a kubelet's API, and the tools of containerd and BuildKit. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ContainerState, PodSandboxState } from '../../src/api/gen/cri/pkg/apis/runtime/v1/api.ts';
import { type Containerd, connectContainerd } from '../../src/daemon/backends/containerd.ts';
import { run } from '../support/binary.ts';
import { toolPath } from '../support/engine.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';

let daemon: Daemon;
let context: string;
before(async () => {
  daemon = await startDaemon();
  context = join(daemon.directory, 'context');
  await mkdir(context);
  await writeFile(join(context, 'Dockerfile'), 'FROM busybox\nCOPY text /text\nRUN cat /text\n');
  await writeFile(join(context, 'text'), 'from a client\n');
});
after(() => daemon?.stop());

async function tool(name: 'ctr' | 'buildctl' | 'buildx', args: readonly string[]): Promise<string> {
  const env = { ...process.env, DOCKER_CONFIG: join(daemon.directory, 'docker') };
  const { code, stdout, stderr } = await run(toolPath(name), args, { env });
  assert.equal(code, 0, `${name} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

describe('a CRI client', () => {
  let cri: Containerd;
  before(() => {
    cri = connectContainerd(daemon.address);
  });
  after(() => cri?.close());

  test('sees a container as a pod with its name, and k3c sees what it did to it', async (t) => {
    const id = await daemon.ok(['run', '-d', '--name', 'web', '-p', '127.0.0.1:0:80', 'busybox', 'sleep', '1000']);
    t.after(() => daemon.k3c(['rm', '-f', 'web']));
    const { items } = await cri.cri.listPodSandbox({});
    const [pod] = items;
    assert.deepEqual(
      items.map(({ metadata, state }) => [metadata?.name, metadata?.namespace, metadata?.uid, state]),
      [['web', 'k3c', id, PodSandboxState.SANDBOX_READY]],
    );
    assert.equal(pod?.labels['io.kubernetes.pod.name'], 'web');
    const { containers } = await cri.cri.listContainers({});
    assert.deepEqual(
      containers.map(({ metadata, podSandboxId, state, labels, image }) => [
        metadata?.name,
        podSandboxId,
        state,
        labels['io.kubernetes.container.name'],
        image?.userSpecifiedImage,
      ]),
      [['web', pod?.id, ContainerState.CONTAINER_RUNNING, 'web', 'docker.io/library/busybox:latest']],
    );
    const containerId = containers[0]?.id ?? '';
    const { stdout } = await cri.cri.execSync({ containerId, cmd: ['hostname'], timeout: 10n });
    assert.equal(stdout.toString(), `${id.slice(0, 12)}\n`);
    // A stop from the other side is an end like any other.
    await cri.cri.stopContainer({ containerId, timeout: 0n });
    assert.equal(await daemon.ok(['wait', 'web']), '137');
    assert.equal(await daemon.ok(['ps', '-a', '--format', '{{.Names}} {{.State}}']), 'web exited');
  });

  test('has an image the moment it is built', async (t) => {
    const id = await daemon.ok(['build', '-q', '-t', 'built', context]);
    t.after(() => daemon.k3c(['rmi', 'built']));
    const { image } = await cri.criImages.imageStatus({ image: { image: 'built' } });
    assert.deepEqual([image?.id, image?.repoTags], [id, ['docker.io/library/built:latest']]);
    const { images } = await cri.criImages.listImages({});
    assert.ok(images.some(({ repoTags }) => repoTags.includes('docker.io/library/built:latest')));
  });

  test('removes an image that k3c then has no more', async () => {
    await daemon.ok(['tag', 'busybox', 'other:1']);
    await tool('ctr', ['-a', daemon.address, '-n', 'k8s.io', 'images', 'rm', 'docker.io/library/other:1']);
    assert.equal(await daemon.ok(['images', '-q', 'other']), '');
  });
});

describe('the tools of the engine', () => {
  test('ctr lists containers and images, and exports what k3c loads', async (t) => {
    const ctr = (...args: string[]) => tool('ctr', ['-a', daemon.address, '-n', 'k8s.io', ...args]);
    await daemon.ok(['run', '-d', '--name', 'box', 'busybox', 'sleep', '1000']);
    t.after(() => daemon.k3c(['rm', '-f', 'box']));
    assert.equal((await ctr('containers', 'ls', '-q')).trim().split('\n').length, 2, 'the pod and its container');
    const archive = join(daemon.directory, 'exported.tar');
    await ctr('images', 'tag', 'docker.io/library/busybox:latest', 'docker.io/library/tagged:1');
    await ctr('images', 'export', archive, 'docker.io/library/tagged:1');
    await daemon.ok(['rmi', 'tagged:1']);
    assert.equal(await daemon.ok(['load', '-i', archive]), 'Loaded image: tagged:1');
    await daemon.ok(['rmi', 'tagged:1']);
  });

  test('buildctl builds what k3c runs', async (t) => {
    const address = ['--addr', `unix://${daemon.address}`];
    const from = ['--local', `context=${context}`, '--local', `dockerfile=${context}`];
    const output = ['--output', 'type=image,name=docker.io/library/by-buildctl:1'];
    await tool('buildctl', [...address, 'build', '--frontend', 'dockerfile.v0', ...from, ...output]);
    t.after(() => daemon.k3c(['rmi', 'by-buildctl:1']));
    assert.equal(await daemon.ok(['run', '--rm', 'by-buildctl:1', 'cat', '/text']), 'from a client');
    assert.match(await tool('buildctl', [...address, 'du']), /^Total:/m);
  });

  test('buildx builds through its remote driver', async (t) => {
    await tool('buildx', ['create', '--name', 'k3c', '--driver', 'remote', `unix://${daemon.address}`]);
    const output = ['-o', 'type=image,name=docker.io/library/by-buildx:1'];
    await tool('buildx', ['--builder', 'k3c', 'build', '--progress', 'quiet', ...output, context]);
    t.after(() => daemon.k3c(['rmi', 'by-buildx:1']));
    assert.equal(await daemon.ok(['run', '--rm', 'by-buildx:1', 'cat', '/text']), 'from a client');
  });
});
