import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { run } from '../support/binary.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { hasDocker, hasPodman, type PeerEngine, podman, startDocker } from '../support/peer-engines.ts';

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
  const dockerfile = 'FROM busybox\nRUN echo hello > /greeting\nENV A=b\nCMD ["cat", "/greeting"]\n';
  for (const [name, compression] of [
    ['plain:1', 'uncompressed'],
    ['gz:1', 'gzip'],
    ['zst:1', 'zstd'],
  ]) {
    const output = `type=image,name=docker.io/library/${name},compression=${compression},force-compression=true`;
    await daemon.ok(['build', '-q', '-o', output, '-'], { stdin: dockerfile });
  }
});
after(() => daemon?.stop());

const at = (name: string) => join(daemon.directory, name);
const idOf = (name: string) => daemon.ok(['inspect', '-f', '{{.Id}}', name]);

async function entries(archive: string): Promise<string[]> {
  return (await run('tar', ['-tf', archive])).stdout.trim().split('\n');
}

describe('save', () => {
  test('an archive gives back the same images, under the same names', async () => {
    await daemon.ok(['tag', 'gz:1', 'gz:2']);
    const ids = [await idOf('gz:1'), await idOf('zst:1')];
    await daemon.ok(['save', '-o', at('two.tar'), 'gz', 'zst:1']);
    assert.equal((await stat(at('two.tar'))).mode & 0o777, 0o600);
    await daemon.ok(['rmi', 'gz:1', 'gz:2', 'zst:1']);
    assert.equal(
      await daemon.ok(['load', '-i', at('two.tar')]),
      'Loaded image: gz:1\nLoaded image: gz:2\nLoaded image: zst:1',
    );
    assert.deepEqual([await idOf('gz:2'), await idOf('zst:1')], ids);
    assert.equal(await daemon.ok(['run', '--rm', 'zst:1']), 'hello');
  });

  test('to stdout, by id, without a name', async () => {
    const id = await idOf('plain:1');
    await run('sh', ['-c', `"$0" save ${id} > "$1"`, (await import('../support/binary.ts')).binary, at('id.tar')], {
      env: { ...process.env, K3C_ADDRESS: daemon.address },
    });
    const { stdout } = await run('tar', ['-xOf', at('id.tar'), 'manifest.json']);
    assert.deepEqual(
      (JSON.parse(stdout) as { RepoTags: unknown; Config: string }[]).map(({ RepoTags, Config }) => [RepoTags, Config]),
      [[null, `blobs/sha256/${id.slice(7)}`]],
    );
    assert.equal(await daemon.ok(['load'], { stdin: await readFile(at('id.tar')) }), `Loaded image ID: ${id}`);
  });

  test('a layer that images share is there once', async () => {
    await daemon.ok(['save', '-o', at('shared.tar'), 'plain:1', 'busybox']);
    const names = await entries(at('shared.tar'));
    assert.equal(new Set(names).size, names.length);
  });

  test('what cannot be saved is said, and nothing is written', async () => {
    await writeFile(at('kept.tar'), 'before');
    const missing = await daemon.k3c(['save', '-o', at('kept.tar'), 'plain:1', 'nosuch']);
    assert.deepEqual([missing.code, missing.stderr], [1, 'Error response from daemon: No such image: nosuch:latest\n']);
    assert.equal(await readFile(at('kept.tar'), 'utf8'), 'before');
    const device = await daemon.k3c(['save', '-o', '/dev/null', 'plain:1']);
    assert.match(
      device.stderr,
      /invalid output path: "\/dev\/null" must be a directory or a regular file: got a device/,
    );
    assert.ok((await stat('/dev/null')).isCharacterDevice());
    const nowhere = await daemon.k3c(['save', '-o', at('no/dir/x.tar'), 'plain:1']);
    assert.match(nowhere.stderr, /invalid output path: directory ".*\/no\/dir" does not exist/);
  });
});

describe('load', () => {
  test('compressed archives: gzip is opened, the rest names its tool', async () => {
    await daemon.ok(['save', '-o', at('c.tar'), 'plain:1']);
    const archive = await readFile(at('c.tar'));
    assert.equal(await daemon.ok(['load'], { stdin: gzipSync(archive) }), 'Loaded image: plain:1');
    // docker's -q leaves out its progress alone.
    assert.equal(await daemon.ok(['load', '-q'], { stdin: archive }), 'Loaded image: plain:1');
    const { code, stderr } = await daemon.k3c(['load'], { stdin: Buffer.from('BZh91AY&SY and so on') });
    assert.equal(code, 1);
    assert.match(stderr, /cannot load a tar compressed with bzip2\nhint: pipe it through bunzip2 first/);
  });
});

const readers: readonly [string, boolean, (directory: string) => Promise<PeerEngine>][] = [
  ['docker', hasDocker, startDocker],
  ['podman', hasPodman, (directory) => Promise.resolve(podman(directory))],
];
for (const [name, installed, start] of readers) {
  describe(`archives of k3c and of ${name}`, { skip: !installed && `${name} is not installed` }, () => {
    let peer: PeerEngine;
    before(async () => {
      peer = await start(daemon.directory);
    });
    after(() => peer?.stop());

    test('it loads ours, whatever the layers are compressed with', async () => {
      await daemon.ok(['save', '-o', at('ours.tar'), 'plain:1', 'gz:1', 'zst:1']);
      await peer.ok('load', '-q', '-i', at('ours.tar'));
      const ids = (await peer.ok('images', '-q', '--no-trunc')).split('\n').map((id) => id.replace('sha256:', ''));
      for (const image of ['plain:1', 'gz:1', 'zst:1']) {
        assert.ok(ids.includes((await idOf(image)).slice(7)), `${image} among ${ids.join(' ')}`);
      }
    });

    test('ours loads its', async () => {
      await daemon.ok(['save', '-o', at('one.tar'), 'gz:1']);
      await peer.ok('load', '-q', '-i', at('one.tar'));
      const id = (await idOf('gz:1')).slice(7);
      await peer.ok('tag', id, 'example.com/back:1');
      await peer.ok('save', '-o', at(`${name}.tar`), 'example.com/back:1');
      assert.equal(await daemon.ok(['load', '-i', at(`${name}.tar`)]), 'Loaded image: example.com/back:1');
      assert.equal(await daemon.ok(['run', '--rm', 'example.com/back:1']), 'hello');
      assert.equal(await daemon.ok(['inspect', '-f', '{{.Config.Env}}', 'example.com/back:1']).then(hasVariable), true);
      await daemon.ok(['rmi', 'example.com/back:1']);
    });
  });
}

function hasVariable(environment: string): boolean {
  return environment.includes('A=b');
}
