/** cp, export, diff and commit on the packaged binary, as users type them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, lstat, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { binary } from '../support/binary.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';

const NOBODY = 65534;

let daemon: Daemon;
let work: string;

before(async () => {
  daemon = await startDaemon();
  work = join(daemon.directory, 'work');
  await mkdir(work);
  await daemon.ok(['run', '-d', '--name', 'up', 'busybox', 'sleep', '100000']);
});
after(() => daemon.stop());

const sh = (script: string) => daemon.ok(['exec', 'up', 'sh', '-c', script]);
const cp = async (...args: string[]) => {
  const { code, stdout, stderr } = await daemon.k3c(['cp', ...args], { cwd: work });
  return { code, stdout, stderr };
};

describe('cp', () => {
  test('the table of docker’s documentation', async () => {
    await mkdir(join(work, 'tree/sub'), { recursive: true });
    await writeFile(join(work, 'tree/sub/f'), 'tree');
    await writeFile(join(work, 'file'), 'file');
    await sh('mkdir /t /t/there; echo old > /t/file');
    for (const [from, to] of [
      ['file', 'up:/t/there'],
      ['file', 'up:/t/file'],
      ['file', 'up:/t/new'],
      ['tree', 'up:/t/there'],
      ['tree/.', 'up:/t/there'],
      ['tree', 'up:/t/made'],
      ['tree/sub/', 'up:t/slash/'],
    ] as const)
      assert.deepEqual(await cp(from, to), { code: 0, stdout: '', stderr: '' }, `${from} ${to}`);
    assert.equal(
      await sh('cd /t; find . -type f | sort; cat file'),
      './file\n./made/sub/f\n./new\n./slash/f\n./there/file\n./there/sub/f\n./there/tree/sub/f\nfile',
    );
    await mkdir(join(work, 'here'));
    for (const [from, to] of [
      ['up:/t/made', 'here'],
      ['up:/t/made/.', 'here'],
      ['up:/t/made', 'here/named'],
      ['up:/t/new', 'here/renamed'],
    ] as const)
      assert.deepEqual(await cp(from, to), { code: 0, stdout: '', stderr: '' }, `${from} ${to}`);
    const found = spawnSync('find', ['here', '-type', 'f'], { cwd: work }).stdout.toString().trim().split('\n');
    assert.deepEqual(found.sort(), ['here/made/sub/f', 'here/named/sub/f', 'here/renamed', 'here/sub/f']);
  });

  test('what cannot be done, in docker’s words', async () => {
    for (const [args, message] of [
      [['up:/nope', '.'], 'Error response from daemon: Could not find the file /nope in container up'],
      [['nosuch:/x', '.'], 'Error response from daemon: No such container: nosuch'],
      [['tree', 'up:/t/file'], 'cannot copy directory'],
      [['file', 'up:/t/none/'], 'no such directory'],
      [['up:/t/file', 'none/'], 'no such directory'],
      [['up:/t/made', 'file'], 'cannot copy directory'],
      [['up:/t', 'a/b/c'], `invalid output path: directory "${work}/a/b" does not exist`],
      [['up:/t', 'up:/u'], 'copying between containers is not supported'],
      [['a', 'b'], 'must specify at least one container source'],
      [['', 'b'], 'source can not be empty'],
      [['none', 'up:/'], `lstat ${work}/none: no such file or directory`],
      [['-', 'up:/t/file'], 'destination "up:/t/file" must be a directory'],
    ] as const) {
      const { code, stdout, stderr } = await cp(...args);
      assert.deepEqual([code, stdout, stderr], [1, '', `${message}\n`]);
    }
  });

  test('tars on stdin and stdout, links, and owners', async () => {
    const tar = spawnSync('tar', ['-c', '-C', work, '--owner=12', '--group=34', 'tree']).stdout;
    await daemon.ok(['cp', '-', 'up:/t/there'], { stdin: tar });
    assert.equal(await sh('stat -c "%u %g" /t/there/tree/sub/f'), '12 34');
    await sh('ln -s /t/made /t/ln; chown 56:78 /t/made/sub/f');
    const list = async (...args: string[]) => {
      const child = spawnSync(binary, ['cp', ...args], { env: { ...process.env, K3C_ADDRESS: daemon.address } });
      assert.equal(child.status, 0, child.stderr.toString());
      return spawnSync('tar', ['-t'], { input: child.stdout }).stdout.toString().trim().split('\n');
    };
    assert.deepEqual(await list('up:/t/ln', '-'), ['ln']);
    assert.deepEqual(await list('up:/t/ln/', '-'), ['ln/', 'ln/sub/', 'ln/sub/f']);
    assert.deepEqual(await list('-L', 'up:/t/ln', '-'), ['made/', 'made/sub/', 'made/sub/f']);
    assert.equal((await cp('-a', 'up:/t/made', 'kept')).code, 0);
    assert.equal((await cp('up:/t/made', 'mine')).code, 0);
    assert.deepEqual([(await stat(join(work, 'kept/sub/f'))).uid, (await stat(join(work, 'mine/sub/f'))).uid], [56, 0]);
    await symlink('tree', join(work, 'lt'));
    assert.equal((await cp('lt', 'up:/t/asis')).code, 0);
    assert.equal((await cp('-L', 'lt', 'up:/t/followed')).code, 0);
    assert.equal(await sh('readlink /t/asis; ls /t/followed'), 'tree\nsub');
  });

  test('an ordinary user reads and writes with the rights of that user', async () => {
    await chmod(daemon.directory, 0o711);
    await chmod(daemon.state, 0o711);
    await mkdir(join(work, 'open'), { mode: 0o777 });
    await chmod(join(work, 'open'), 0o777);
    await writeFile(join(work, 'private'), 'x', { mode: 0o600 });
    const asNobody = (...args: string[]) => {
      const env = { PATH: process.env['PATH'], K3C_ADDRESS: daemon.address };
      // The socket belongs to root's group.
      const child = spawnSync(
        'setpriv',
        ['--reuid', String(NOBODY), '--regid', '0', '--clear-groups', binary, 'cp', ...args],
        { cwd: work, env },
      );
      return { code: child.status, stderr: child.stderr.toString() };
    };
    await sh('mkdir -p /own; echo 1 > /own/f; chown 7:7 /own/f; chmod 4755 /own/f');
    assert.deepEqual(asNobody('-a', 'up:/own', 'open'), { code: 0, stderr: '' });
    const { uid, mode } = await lstat(join(work, 'open/own/f'));
    assert.deepEqual([uid, mode & 0o777], [NOBODY, 0o755]);
    assert.deepEqual(asNobody('private', 'up:/'), { code: 1, stderr: `open ${work}/private: permission denied\n` });
    assert.deepEqual(asNobody('up:/own/f', 'tree'), { code: 1, stderr: `open ${work}/tree/f: permission denied\n` });
    assert.deepEqual(asNobody('open/own/f', 'up:/own/g'), { code: 0, stderr: '' });
    assert.equal(await sh('stat -c "%u %a" /own/g'), '0 755');
  });

  test('into a created container, before it ever runs', async () => {
    await daemon.ok(['create', '--name', 'later', 'busybox', 'cat', '/etc/app.conf']);
    assert.equal((await cp('file', 'later:/etc/app.conf')).code, 0);
    for (let run = 0; run < 2; run++) assert.equal(await daemon.ok(['start', '-a', 'later']), 'file');
    await daemon.ok(['rm', 'later']);
  });

  test('a large file, whole', async () => {
    const path = join(work, 'large');
    spawnSync('sh', ['-c', `head -c 60000000 /dev/urandom > ${path}`]);
    assert.equal((await cp('large', 'up:/large')).code, 0);
    assert.equal((await cp('up:/large', 'back')).code, 0);
    assert.equal(spawnSync('cmp', [path, join(work, 'back')]).status, 0);
  });
});

describe('export, diff and commit', () => {
  test('export: a tar that Debian’s tar reads, to a file or to stdout', async () => {
    await daemon.ok(['export', '-o', 'all.tar', 'up'], { cwd: work });
    assert.equal((await stat(join(work, 'all.tar'))).mode & 0o777, 0o600);
    const names = spawnSync('tar', ['-tf', 'all.tar'], { cwd: work, encoding: 'utf8', maxBuffer: 1 << 24 });
    assert.equal(names.stderr, '');
    assert.match(names.stdout, /^bin\/busybox$/m);
    assert.match(names.stdout, /^t\/made\/sub\/f$/m);
    assert.doesNotMatch(names.stdout, /^proc\/1/m);
    const { code, stderr } = await daemon.k3c(['export', '-o', 'no/where', 'up'], { cwd: work });
    assert.deepEqual(
      [code, stderr],
      [1, 'failed to export container: invalid output path: directory "no" does not exist\n'],
    );
  });

  test('diff, also as a container command', async () => {
    await daemon.ok(['run', '--name', 'changed', 'busybox', 'sh', '-c', 'rm /etc/group; echo > /tmp/n']);
    for (const words of [['diff'], ['container', 'diff']])
      assert.equal(await daemon.ok([...words, 'changed']), 'C /etc\nD /etc/group\nC /tmp\nA /tmp/n');
  });

  test('commit: an image that runs at once', async () => {
    const id = await daemon.ok(['commit', '-a', 'me', '-m', 'why', '-c', 'CMD ["cat", "/word"]', 'up', 'mine:1']);
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    await daemon.ok(['run', '--name', 'wrote', 'mine:1', 'sh', '-c', 'echo hello > /word']);
    const second = await daemon.ok(['commit', '--change', 'CMD cat /word', 'wrote', 'mine:2']);
    assert.equal(await daemon.ok(['run', '--rm', 'mine:2']), 'hello');
    assert.equal(await daemon.ok(['images', '-q', '--no-trunc', 'mine:2']), second);
    const [image] = JSON.parse(await daemon.ok(['inspect', 'mine:1'])) as { Author: string; Id: string }[];
    assert.deepEqual([image?.Author, image?.Id], ['me', id]);
    assert.equal(await daemon.ok(['ps', '--format', '{{.State}}', '-f', 'name=up']), 'running');
  });

  test('a daemon that is killed in the middle leaves no image and no frozen container', async () => {
    const before = await daemon.ok(['images', '-aq']);
    const committing = daemon.k3c(['commit', 'up', 'half'], { direct: true });
    const paused = async () => (await daemon.ok(['ps', '--format', '{{.State}}', '-f', 'name=up'])) === 'paused';
    for (let i = 0; i < 200 && !(await paused()); i++) await sleep(5);
    await daemon.end('SIGKILL');
    const cut = await committing;
    await daemon.start();
    if (cut.code !== 0) assert.equal(await daemon.ok(['images', '-aq']), before);
    assert.equal(await daemon.ok(['ps', '--format', '{{.State}}', '-f', 'name=up']), 'running');
    assert.equal(await sh('echo alive'), 'alive');
    await rm(work, { recursive: true });
    assert.equal((await readFile('/proc/self/mounts', 'utf8')).includes(join(daemon.state, 'files')), false);
  });
});
