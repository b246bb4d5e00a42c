/**
 * Dockerfiles of every kind, built by k3c and by buildctl on a BuildKit of its own: the images must hold the same files,
 * owners, modes, times, attributes and configuration. Two builders, so that no cache makes them the same.
 */
import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectContainerd } from '../../src/daemon/backends/containerd.ts';
import { run } from '../support/binary.ts';
import { buildctlArguments, type CaseFiles, k3cArguments } from '../support/conformance-build.ts';
import { type Case, conformanceCases, prepareContext } from '../support/conformance-cases.ts';
import { type Engine, startEngine, toolPath } from '../support/engine.ts';
import { imageContent } from '../support/image-content.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { type LoopbackFiles, serveFiles } from '../support/loopback-files.ts';

const directory = join(import.meta.dirname, '../conformance');
/** Two builds each; more cases at once make them faster only where they wait. */
const SIDE_BY_SIDE = 3;

let daemon: Daemon;
let engine: Engine;
let served: LoopbackFiles;
let cases: ReadonlyMap<string, Case>;
const sockets: Server[] = [];
/** Layers keep whole seconds. */
const since = Math.floor(Date.now() / 1000) * 1000;

before(async () => {
  daemon = await startDaemon();
  served = await serveFiles(daemon.directory);
  cases = new Map(conformanceCases(directory, served.url).map((each) => [each.name, each]));
  engine = await startEngine({ root: join(daemon.directory, 'bare'), state: join(daemon.directory, 'b') });
  const base = join(daemon.directory, 'busybox.tar');
  await engine.tool('ctr', ['-a', engine.containerdSocket, '-n', 'k8s.io', 'images', 'import', base]);
});
after(async () => {
  for (const socket of sockets) socket.close();
  await served?.close();
  await engine?.stop();
  await daemon?.stop();
});

async function filesOf(each: Case): Promise<CaseFiles> {
  const at = join(daemon.directory, 'cases', each.name);
  const files = { context: join(at, 'context'), side: join(at, 'side'), metadata: join(at, 'metadata.json') };
  await mkdir(files.side, { recursive: true });
  await cp(join(directory, each.name), files.context, { recursive: true });
  prepareContext(each, files.context);
  for (const [id, content] of Object.entries(each.secrets ?? {})) await writeFile(join(files.side, id), content);
  for (const id of each.ssh ?? []) {
    const socket = createServer().listen(join(files.side, id));
    sockets.push(socket);
  }
  return files;
}

async function digestIn(metadata: string): Promise<string> {
  const content = JSON.parse(await readFile(metadata, 'utf8')) as Record<string, string>;
  return content['containerimage.digest'] ?? assert.fail('no digest in the metadata');
}

describe('conformance', { concurrency: SIDE_BY_SIDE }, () => {
  for (const { name } of conformanceCases(directory, '')) {
    test(name, async () => {
      const each = cases.get(name) ?? assert.fail();
      const files = await filesOf(each);
      const theirs = { ...files, metadata: `${files.metadata}.buildctl` };
      const [own, other] = await Promise.all([
        daemon.k3c(['build', ...k3cArguments(each, files)]),
        run(toolPath('buildctl'), [
          '--addr',
          `unix://${engine.buildkitdSocket}`,
          'build',
          ...buildctlArguments(each, theirs),
        ]),
      ]);
      assert.equal(other.code, 0, `buildctl: ${other.stderr}`);
      assert.equal(own.code, 0, own.stderr);
      const digest = await digestIn(files.metadata);
      const [mine, expected] = await Promise.all([
        imageContent(join(daemon.root, 'containerd'), digest, since),
        imageContent(join(engine.logs, 'containerd'), await digestIn(theirs.metadata), since),
      ]);
      assert.deepEqual(mine, expected);
      for (const line of each.holds ?? [])
        assert.ok(
          mine.layers.flat().some((entry) => line.test(entry)),
          `${line}`,
        );
      // Nothing has changed since: no step runs again, and the image is the same to the last bit.
      const again = await daemon.k3c(['build', ...k3cArguments(each, files)]);
      assert.equal(again.code, 0, again.stderr);
      assert.equal(await digestIn(files.metadata), digest);
    });
  }
});

test('what is built can be seen and run through CRI, in `images` and by `run`, the moment build returns', async (t) => {
  const context = join(daemon.directory, 'at-once');
  await mkdir(context);
  const containerd = connectContainerd(join(daemon.state, 'containerd.sock'));
  t.after(() => containerd.close());
  for (let i = 0; i < 5; i++) {
    await writeFile(join(context, 'Dockerfile'), `FROM busybox\nCOPY Dockerfile /n${i}\nCMD ["ls", "/n${i}"]\n`);
    const id = await daemon.ok(['build', '-q', '-t', `at-once:${i}`, context], { direct: i % 2 === 1 });
    const { image } = await containerd.criImages.imageStatus({ image: { image: `docker.io/library/at-once:${i}` } });
    assert.equal(image?.id, id);
    const { images } = await containerd.criImages.listImages({});
    assert.ok(images.some((each) => each.repoTags.includes(`docker.io/library/at-once:${i}`)));
    assert.equal(await daemon.ok(['images', '-q', '--no-trunc', `at-once:${i}`]), id);
  }
  assert.equal(await daemon.ok(['run', '--rm', 'at-once:4']), '/n4');
});
