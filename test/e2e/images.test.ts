import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { hasRegistry, type Registry, startRegistry } from '../support/registry.ts';

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon.stop());

describe('images, tag, rmi, import, load', () => {
  test('an image has a row for each of its tags, and goes with the last', async () => {
    await daemon.ok(['tag', 'busybox', 'bb:1']);
    await daemon.ok(['tag', 'busybox', 'localhost:5000/x/y:2']);
    const rows = (await daemon.ok(['images', '--format', '{{.Repository}}:{{.Tag}}'])).split('\n').toSorted();
    assert.deepEqual(rows, ['bb:1', 'busybox:latest', 'localhost:5000/x/y:2']);
    assert.equal(await daemon.ok(['images', '--format', '{{.Tag}}', 'bb']), '1');
    assert.equal(
      await daemon.ok(['rmi', 'bb:1', 'localhost:5000/x/y:2']),
      'Untagged: bb:1\nUntagged: localhost:5000/x/y:2',
    );
    const { code, stderr } = await daemon.k3c(['rmi', 'bb:1']);
    assert.deepEqual([code, stderr], [1, 'Error response from daemon: No such image: bb:1\n']);
  });

  test('a root file system is imported, run, and removed again', async () => {
    const tree = join(daemon.directory, 'tree');
    await mkdir(join(tree, 'etc'), { recursive: true });
    await writeFile(join(tree, 'etc/motd'), 'imported\n');
    const { run } = await import('../support/binary.ts');
    const archive = join(daemon.directory, 'tree.tar');
    await run('tar', ['-C', tree, '-cf', archive, '.']);
    const id = await daemon.ok(['import', '-c', 'CMD ["/x"]', '-m', 'by hand', archive, 'tree:1']);
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    assert.equal(
      await daemon.ok(['inspect', '-f', '{{.Id}} {{.Config.Cmd}} {{.Comment}}', 'tree:1']),
      `${id} [/x] by hand`,
    );
    assert.match(await daemon.ok(['rmi', 'tree:1']), new RegExp(`^Untagged: tree:1\\nDeleted: ${id}`));
  });

  test('an image in use is not removed', async () => {
    await daemon.ok(['create', '--name', 'user', 'busybox', 'true']);
    const { code, stderr } = await daemon.k3c(['rmi', 'busybox']);
    assert.equal(code, 1);
    assert.match(stderr, /^Error response from daemon: conflict: unable to (remove|delete)/);
    await daemon.ok(['rm', 'user']);
  });

  test('load tells what it loaded, and refuses what is no archive', async () => {
    const archive = await readFile(join(daemon.directory, 'busybox.tar'));
    assert.equal(await daemon.ok(['load'], { stdin: archive }), 'Loaded image: busybox:latest');
    const wrong = await daemon.k3c(['load'], { stdin: 'this is no tar' });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /^Error response from daemon: /);
  });
});

describe('pull and push', { skip: !(await hasRegistry()) && 'docker-registry is not installed' }, () => {
  let registry: Registry;
  before(async () => {
    registry = await startRegistry({
      directory: join(daemon.directory, 'registry'),
      user: { name: 'me', password: 'secret' },
    });
  });
  after(() => registry.stop());

  test('with the credentials of the user, plainly', async () => {
    const config = join(daemon.directory, 'docker');
    await mkdir(config);
    const auth = Buffer.from('me:secret').toString('base64');
    await writeFile(join(config, 'config.json'), JSON.stringify({ auths: { [registry.address]: { auth } } }));
    const env = { DOCKER_CONFIG: config };
    const name = `${registry.address}/lib/busybox`;
    await daemon.ok(['tag', 'busybox', name]);

    const denied = await daemon.k3c(['push', name], { env: { DOCKER_CONFIG: '/nonexistent' } });
    assert.equal(denied.code, 1);

    const pushed = await daemon.ok(['push', name], { env });
    assert.match(pushed, /^Using default tag: latest\nThe push refers to repository \[/);
    const digest = /\nlatest: digest: (sha256:[0-9a-f]{64}) size: \d+$/.exec(pushed)?.[1];
    assert.ok(digest !== undefined, pushed);

    assert.match(await daemon.ok(['pull', name], { env }), /\nStatus: Image is up to date for .*\n/);
    await daemon.ok(['rmi', name, 'busybox']);
    // run finds nothing, pulls, and says so on stderr alone.
    const ran = await daemon.k3c(['run', '--rm', name, 'echo', 'hi'], { env });
    assert.deepEqual([ran.code, ran.stdout], [0, 'hi\n']);
    assert.match(ran.stderr, new RegExp(`^Unable to find image '${name}:latest' locally\\n`));
    assert.match(
      ran.stderr,
      new RegExp(`\\nDigest: ${digest}\\nStatus: Downloaded newer image for ${name}:latest\\n$`),
    );
    assert.equal(await daemon.ok(['pull', '-q', `${name}@${digest}`], { env }), `${name}@${digest}`);

    const missing = await daemon.k3c(['pull', `${name}:nope`], { env });
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /^Error response from daemon: .*(manifest unknown|not found)/);
  });
});
