/** Files in and out of containers on a real containerd: every state, escapes, ownership, diff and commit. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { MAX_LAYERS } from '../../src/daemon/engine/containers/files/merge-stage.ts';
import type { Stage } from '../../src/daemon/engine/containers/files/stage.ts';
import { type Daemon, type Rig, runToEnd, specOf, startRig } from '../support/container-rig.ts';
import { execOf, execOutput } from '../support/exec.ts';

const none = () => new AbortController().signal;

let rig: Rig;
let daemon: Daemon;
let work: string;

before(async () => {
  rig = await startRig({ name: 'k3cfiles', subnet: '10.63.0.0/16' });
  daemon = await rig.boot();
  work = mkdtempSync(join(tmpdir(), 'k3c-files-'));
});

after(async () => {
  for (const { id } of (await daemon?.engine.list({ all: true, last: 0, filters: {} })) ?? [])
    await daemon.engine.remove(id, { force: true, volumes: true });
  await daemon?.close();
  await rig?.stop();
  if (work !== undefined) rmSync(work, { recursive: true, force: true });
});

/** A tar of files, made by Debian's tar. */
function tarOf(files: Readonly<Record<string, string>>, ...options: string[]): Buffer {
  const directory = mkdtempSync(join(work, 'tar-'));
  for (const [name, text] of Object.entries(files)) {
    spawnSync('mkdir', ['-p', join(directory, name, '..')]);
    writeFileSync(join(directory, name), text);
  }
  const { stdout, status } = spawnSync('tar', ['-c', '-C', directory, ...options, ...Object.keys(files)], {
    maxBuffer: 1 << 26,
  });
  assert.equal(status, 0);
  return stdout;
}

/** Lists or unpacks a tar with Debian's tar. */
function untar(tar: Buffer, ...args: string[]): string {
  const { stdout, stderr, status } = spawnSync('tar', args, { input: tar, maxBuffer: 1 << 26 });
  assert.equal(status, 0, stderr.toString());
  return stdout.toString();
}

async function* once(data: Buffer): AsyncGenerator<Buffer> {
  yield data;
}

const put = (container: string, path: string, tar: Buffer, keepOwner = false) =>
  daemon.engine.files.copyTo(container, { path, keepOwner, data: once(tar), signal: none() });

async function get(container: string, path: string, name = ''): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const sink = { stat: async () => undefined, data: async (chunk: Buffer) => void chunks.push(chunk) };
  await daemon.engine.files.copyFrom(container, { path, name }, sink, none());
  return Buffer.concat(chunks);
}

const text = async (container: string, path: string) => untar(await get(container, path), '-xO');

async function exported(container: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await daemon.engine.files.export(container, { data: async (chunk) => void chunks.push(chunk) }, none());
  return Buffer.concat(chunks);
}

async function diff(container: string): Promise<string[]> {
  const lines: string[] = [];
  const send = async (changes: readonly { kind: string; path: string }[]) =>
    void lines.push(...changes.map(({ kind, path }) => `${kind} ${path}`));
  await daemon.engine.files.diff(container, send, none());
  return lines;
}

async function running(over: Parameters<typeof specOf>[0] = {}): Promise<string> {
  const record = await daemon.engine.create('', specOf({ command: ['sleep', '1000'], ...over }));
  await daemon.engine.start(record.id);
  return record.id;
}

const sh = (container: string, script: string) => execOutput(daemon, container, ['sh', '-c', script]);

const fails = (code: number, message: RegExp | string) => (error: unknown) => {
  const { code: got, message: said } = error as { code: number; message: string };
  assert.equal(got, code, said);
  if (typeof message === 'string') assert.equal(said, message);
  else assert.match(said, message);
  return true;
};

describe('a running container', () => {
  test('files go in as root and come out as they are', async () => {
    const id = await running();
    await put(id, '/tmp', tarOf({ 'd/a': 'hello' }, '--owner=1234', '--group=1235', '--mode=0640'));
    assert.equal(await sh(id, 'stat -c "%u %g %a" /tmp/d/a'), '0 0 640\n');
    assert.equal(await text(id, '/tmp/d/a'), 'hello');
    await put(id, '/tmp', tarOf({ 'd/a': 'again' }, '--owner=1234', '--group=1235'), true);
    assert.equal(await sh(id, 'stat -c "%u %g" /tmp/d/a; cat /tmp/d/a'), '1234 1235\nagain');
    assert.deepEqual(untar(await get(id, '/tmp/d'), '-t').split('\n'), ['d/', 'd/a', '']);
    assert.deepEqual(untar(await get(id, '/tmp/d/.'), '-t').split('\n'), ['./', './a', '']);
    assert.deepEqual(untar(await get(id, '/tmp/d', 'e'), '-t').split('\n'), ['e/', 'e/a', '']);
  });

  test('what cannot be done is refused in docker’s words', async () => {
    const id = await running();
    const { name } = daemon.engine.find(id);
    await sh(id, 'mkdir -p /tmp/dir; echo x > /tmp/file; ln -s /tmp/file /tmp/link; ln -s loop /tmp/loop');
    await assert.rejects(get(id, '/nope'), fails(5, `Could not find the file /nope in container ${name}`));
    await assert.rejects(put(id, '/no/where', tarOf({ a: '' })), fails(5, /Could not find the file \/no\/where/));
    await assert.rejects(put(id, '/tmp/file', tarOf({ a: '' })), fails(3, 'extraction point is not a directory'));
    await assert.rejects(
      put(id, '/tmp', tarOf({ dir: '' })),
      fails(3, /^cannot overwrite directory "\/tmp\/dir" with/),
    );
    await assert.rejects(put(id, '/tmp', tarOf({ 'file/a': '' })), fails(3, /not a directory/));
    await assert.rejects(
      put(id, '/tmp', Buffer.alloc(5000, 'x')),
      fails(3, /^Error processing tar file: .*invalid tar/),
    );
    await assert.rejects(put(id, '/tmp', tarOf({ a: 'x'.repeat(9000) }).subarray(0, 4000)), fails(3, /unexpected EOF/));
    await assert.rejects(get(id, '/tmp/loop/x'), fails(13, /too many levels of symbolic links/));
    await assert.rejects(get(id, '/proc/cpuinfo'), fails(3, /made up by the kernel/));
    await assert.rejects(get(id, '/tmp/file/'), fails(3, /not a directory/));
    const stat = await daemon.engine.files.stat(id, '/tmp/link', none());
    assert.deepEqual([stat.linkTarget, (stat.mode & 0o170000).toString(8)], ['/tmp/file', '120000']);
  });

  test('gzip and zstd are undone, others named', async () => {
    const id = await running();
    for (const option of ['--gzip', '--zstd']) {
      await put(id, '/tmp', tarOf({ z: option }, option));
      assert.equal(await text(id, '/tmp/z'), option);
    }
    await assert.rejects(put(id, '/tmp', tarOf({ z: '' }, '--xz')), fails(3, 'cannot unpack a tar compressed with xz'));
  });

  test('no link leads out, not even one that is swapped all the time', async () => {
    await writeFile(join(work, 'secret'), 'the host');
    const id = await running();
    await sh(
      id,
      `mkdir -p /w/d; echo inside > /w/d/secret; ln -s ${work} /out; ln -s ../../../../../../../../../.. /up; ln -s /proc/1/root /magic`,
    );
    for (const path of [`/out/secret`, `/up${work}/secret`])
      await assert.rejects(get(id, path), fails(5, /Could not find the file/));
    await assert.rejects(get(id, '/magic/etc'), fails(13, /permission denied|too many levels/));
    await assert.rejects(put(id, '/out', tarOf({ evil: '' })), fails(5, /Could not find the file/));
    await assert.rejects(put(id, '/tmp', tarOf({ a: '' }, '--transform', 's,^,../../../,', '-P')), fails(3, /outside/));
    const swap = `while :; do mv /w/d /w/e; ln -s ${work} /w/d; rm /w/d; mv /w/e /w/d; done`;
    const exec = await daemon.engine.exec(execOf(id, ['sh', '-c', swap], { detach: true }));
    try {
      let read = 0;
      for (let i = 0; i < 60; i++) {
        try {
          const tar = await get(id, '/w/d/secret');
          assert.equal(untar(tar, '-xO'), 'inside\n');
          read += 1;
        } catch (error) {
          assert.match((error as Error).message, /Could not find the file/);
        }
        await put(id, '/w/d', tarOf({ written: 'x' })).catch((error: Error) =>
          assert.match(error.message, /Could not find|no such file/),
        );
      }
      assert.ok(read > 0, 'it was never there');
      assert.deepEqual(
        readdirSync(work).filter((name) => name === 'written'),
        [],
      );
    } finally {
      await exec.kill(9);
    }
  });

  test('volumes and directories of the host are seen, the read-only ones refused', async () => {
    await mkdir(join(work, 'bind/sub'), { recursive: true });
    const mount = { readOnly: false, propagation: '' };
    const id = await running({
      readOnly: true,
      mounts: [
        { ...mount, type: 'bind', source: join(work, 'bind'), target: '/b' },
        { ...mount, type: 'bind', source: join(work, 'bind'), target: '/ro', readOnly: true },
        { ...mount, type: 'volume', source: '', target: '/v' },
        { ...mount, type: 'tmpfs', source: '', target: '/t' },
      ],
    });
    for (const path of ['/b', '/v', '/t']) {
      await put(id, path, tarOf({ f: path }));
      assert.equal(await text(id, `${path}/f`), path);
    }
    assert.equal(readFileSync(join(work, 'bind/f'), 'utf8'), '/b');
    await assert.rejects(put(id, '/ro/sub', tarOf({ f: '' })), fails(3, 'mounted volume is marked read-only'));
    await assert.rejects(put(id, '/tmp', tarOf({ f: '' })), fails(3, 'container rootfs is marked read-only'));
    assert.deepEqual(
      untar(await exported(id), '-t')
        .split('\n')
        .filter((name) => /^(v|b|t|proc)\//.test(name)),
      ['b/', 'proc/', 't/', 'v/'],
    );
  });

  test('a paused one is read and written', async () => {
    const id = await running();
    await daemon.engine.pause(id);
    await put(id, '/tmp', tarOf({ p: 'cold' }));
    assert.equal(await text(id, '/tmp/p'), 'cold');
    await daemon.engine.unpause(id);
  });
});

describe('a container that does not run', () => {
  test('files copied into a created one are there at its first start and at every later one', async () => {
    const script = 'cat /etc/app/conf; test ! -e /tmp/mark && touch /tmp/mark && echo fresh';
    const { id } = await daemon.engine.create('', specOf({ command: ['sh', '-c', script] }));
    await assert.rejects(put(id, '/etc/app', tarOf({ conf: 'one\n' })), fails(5, /Could not find/));
    await put(id, '/etc', tarOf({ 'app/conf': 'one\n' }));
    assert.equal(await text(id, '/etc/app/conf'), 'one\n');
    assert.deepEqual(await diff(id), ['C /etc', 'A /etc/app', 'A /etc/app/conf']);
    assert.match(untar(await exported(id), '-t'), /^etc\/app\/conf$/m);
    const log = async () => {
      const launched = await daemon.engine.start(id, { stdin: false, stdout: true, stderr: true });
      let out = '';
      for await (const { data } of launched?.attachment?.output ?? []) out += data.toString();
      await launched?.live.exit;
      return out;
    };
    assert.equal(await log(), 'one\nfresh\n');
    assert.equal(await log(), 'one\nfresh\n');
    // Into an exited one: seen in it at once, and at the next start.
    await put(id, '/etc/app', tarOf({ conf: 'two\n' }));
    assert.equal(await text(id, '/etc/app/conf'), 'two\n');
    assert.equal(await text(id, '/tmp/mark'), '');
    assert.deepEqual(await diff(id), ['C /etc', 'A /etc/app', 'A /etc/app/conf', 'C /tmp', 'A /tmp/mark']);
    assert.equal(await log(), 'two\nfresh\n');
    await daemon.engine.remove(id, { force: false, volumes: true });
    await gone(id);
  });

  test('a directory that only the last attempt had is made for the next', async () => {
    const { id } = await runToEnd(daemon.engine, { command: ['sh', '-c', 'cat /made/here/f; mkdir -p /made/here'] });
    await put(id, '/made/here', tarOf({ f: 'kept' }));
    const launched = await daemon.engine.start(id, { stdin: false, stdout: true, stderr: true });
    let out = '';
    for await (const { data } of launched?.attachment?.output ?? []) out += data.toString();
    assert.equal(out, 'kept');
  });

  test('what goes into the last attempt and cannot go into the next is told, however much there is of it', async () => {
    const { id } = await daemon.engine.create('', specOf({ command: ['sh', '-c', 'rm -r /etc/app; : > /etc/app'] }));
    await put(id, '/etc', tarOf({ 'app/conf': 'one' }));
    await (await daemon.engine.start(id))?.live.exit;
    const tar = tarOf({ app: 'a file by now', more: 'x'.repeat(8 << 20) });
    const slices = async function* () {
      for (let at = 0; at < tar.length; at += 64 << 10) yield tar.subarray(at, at + (64 << 10));
    };
    const signal = AbortSignal.timeout(20_000);
    await assert.rejects(
      daemon.engine.files.copyTo(id, { path: '/etc', keepOwner: false, data: slices(), signal }),
      fails(3, /^cannot overwrite directory/),
    );
  });

  test('volumes of one that never ran are filled from the image and written to', async () => {
    const mount = { type: 'volume' as const, source: '', target: '/etc', readOnly: false, propagation: '' };
    const { id } = await daemon.engine.create('', specOf({ command: ['ls', '/etc'], mounts: [mount] }));
    await put(id, '/etc', tarOf({ extra: 'x' }));
    assert.equal(await text(id, '/etc/extra'), 'x');
    const names = untar(await get(id, '/etc'), '-t');
    assert.match(names, /^etc\/passwd$/m);
    assert.deepEqual(await diff(id), []);
  });

  test('copied into and started over and over it has all of it, in few layers', { timeout: 120_000 }, async () => {
    const { id } = await daemon.engine.create(
      '',
      specOf({ command: ['cat', '/etc/hostile', '/rounds/last', '/etc/passwd'] }),
    );
    const stage = () => JSON.parse(readFileSync(join(rig.base, 'containers', id, 'files.json'), 'utf8')) as Stage;
    const rounds = MAX_LAYERS + 3;
    for (let round = 0; round < rounds; round++) {
      const files = { [`rounds/${round}`]: `${round}`, 'rounds/last': `last ${round}\n` };
      await put(id, '/', tarOf(round === 1 ? { ...files, 'etc/hostile': '' } : files));
      if (round === 2)
        await put(id, '/etc', tarOf({ hostile: 'h\n', passwd: 'root:x:0:0::/:/bin/sh\n' }, '--mode=600'));
      await (await daemon.engine.start(id))?.live.exit;
      assert.ok(stage().layers.length <= MAX_LAYERS, `${stage().layers.length} layers`);
    }
    assert.equal(await text(id, '/rounds/last'), `last ${rounds - 1}\n`);
    const names = untar(await get(id, '/rounds'), '-t').split('\n');
    for (let round = 0; round < rounds; round++) assert.ok(names.includes(`rounds/${round}`), `${round} of ${names}`);
    assert.match(untar(await get(id, '/etc/passwd'), '-tv'), /^-rw------- /);
    assert.equal(await text(id, '/etc/hostile'), 'h\n');
    // What was merged goes with the last attempt that stood on it.
    assert.equal(stage().merged, undefined);
    const { exitCode } = daemon.engine.find(id);
    assert.equal(exitCode, 0);
    await daemon.engine.remove(id, { force: false, volumes: false });
    await gone(id);
  });

  test('nothing stays mounted', () => {
    assert.equal(readFileSync('/proc/self/mounts', 'utf8').includes(join(rig.base, 's', 'files')), false);
  });
});

/** Waits until no snapshot of a stage is left. */
async function gone(id: string): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const names: string[] = [];
    for await (const { info } of daemon.containerd.snapshots.list({ snapshotter: 'overlayfs', filters: [] }))
      names.push(...info.map(({ name }) => name));
    if (!names.some((name) => name.includes(id))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail('its stage is still there');
}

describe('diff and commit', () => {
  const script =
    'echo x >> /etc/passwd; rm -r /usr/share; mkdir -p /new/d; echo n > /new/f; mv /var /var2; rm -r /opt; mkdir /opt; echo o > /opt/new; ln -s f /new/l';
  let id: string;

  test('diff says what changed and nothing of the runtime', async () => {
    id = await running();
    assert.deepEqual(await diff(id), []);
    await sh(id, 'mkdir -p /usr/share/doc /var/x /opt/old; echo 1 > /var/x/f');
    await daemon.engine.stop(id, { timeout: 0 });
    await assert.doesNotReject(diff(id));
    const image = await daemon.engine.files.commit(id, commitOf({ reference: 'base' }));
    await daemon.engine.remove(id, { force: true, volumes: true });
    id = await running({ image });
    assert.deepEqual(await diff(id), []);
    await sh(id, script);
    assert.deepEqual(await diff(id), [
      ...[
        'C /etc',
        'C /etc/passwd',
        'A /new',
        'A /new/d',
        'A /new/f',
        'A /new/l',
        'C /opt',
        'A /opt/new',
        'D /opt/old',
      ],
      ...['C /usr', 'D /usr/share', 'D /var', 'A /var2', 'A /var2/x', 'A /var2/x/f'],
    ]);
  });

  test('commit makes an image that CRI sees and that runs at once', async () => {
    const made = await daemon.engine.files.commit(
      id,
      commitOf({
        reference: 'made:v1',
        author: 'me',
        message: 'why',
        changes: ['CMD ["cat", "/new/l", "/opt/new"]', 'ENV A=b', 'LABEL l=1'],
      }),
    );
    assert.match(made, /^sha256:[0-9a-f]{64}$/);
    const { image } = await daemon.containerd.criImages.imageStatus({ image: { image: 'docker.io/library/made:v1' } });
    assert.equal(image?.id, made);
    const { state } = daemon.engine.find(id);
    assert.equal(state, 'running');
    const { out } = await runToEnd(daemon.engine, { image: 'made:v1', command: [] });
    assert.equal(out, 'n\no\n');
    const list = await runToEnd(daemon.engine, {
      image: made,
      command: ['sh', '-c', 'tail -1 /etc/passwd; ls /opt; ls -d /var /usr/share /var2/x 2>/dev/null; echo $A'],
    });
    assert.match(list.out, /^x\nnew\n/);
    assert.match(list.out, /\/var2\/x\nb\n$/);
    assert.doesNotMatch(list.out, /^\/usr\/share$/m);
  });

  test('a bad name or change makes nothing', async () => {
    const bad = (over: object) => daemon.engine.files.commit(id, commitOf(over));
    await assert.rejects(bad({ reference: 'Bad Name' }), fails(3, /invalid reference format/));
    await assert.rejects(bad({ changes: ['RUN x'] }), fails(3, /run is not a valid change command/));
    assert.equal(daemon.engine.find(id).state, 'running');
  });
});

function commitOf(over: object) {
  return { reference: '', author: '', message: '', changes: [], pause: true, signal: none(), ...over };
}
