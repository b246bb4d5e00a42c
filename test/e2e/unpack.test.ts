/** Faults while dist/k3c unpacks itself: nothing half done is ever trusted. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { binary, type Result, run, temporaryDirectory } from '../support/binary.ts';

const nobody = 65534;

function version(unpack: string, file = binary): Promise<Result> {
  return run(file, ['--version'], { env: { K3C_UNPACK_DIR: unpack } });
}

async function works(unpack: string): Promise<void> {
  const result = await version(unpack);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /^k3c version /);
}

/** Runs it after `mounts`, made in a namespace of their own that ends with it, and prints what the base then holds. */
function elsewhere(mounts: string, base: string): Promise<Result> {
  // Through a descriptor: the mounts may hide the directory that the binary is in.
  const script = `exec 9<"$0"; set -e; ${mounts}; set +e; /proc/self/fd/9 --version; code=$?; echo left:; ls -A "$K3C_UNPACK_DIR"; exit $code`;
  const env = { PATH: process.env['PATH'], K3C_UNPACK_DIR: base };
  return run('unshare', ['-m', 'sh', '-c', script, binary], { env });
}

/** The names of finished trees. */
function trees(unpack: string): string[] {
  return readdirSync(unpack).filter((name) => !name.startsWith('.'));
}

/** The base's only tree. */
function tree(unpack: string): string {
  const [name, ...more] = trees(unpack);
  assert.ok(name !== undefined && more.length === 0);
  return join(unpack, name);
}

function damagedCopy(t: TestContext, damage: (path: string, size: number) => void): string {
  const path = join(temporaryDirectory(t), 'k3c');
  copyFileSync(binary, path);
  damage(path, statSync(path).size);
  chmodSync(path, 0o755);
  return path;
}

test('ten first uses at once are right and make one tree', async (t) => {
  const unpack = temporaryDirectory(t);
  const results = await Promise.all(Array.from({ length: 10 }, () => version(unpack)));
  for (const result of results) assert.equal(result.code, 0, result.stderr);
  tree(unpack);
  console.log(`ten first uses at once: ${Math.max(...results.map(({ ms }) => ms)).toFixed(0)} ms`);
});

test('kill -9 in the middle leaves nothing that is trusted', async (t) => {
  let unfinished = 0;
  for (const delay of [3, 10, 30, 60, 100, 150, 200, 250, 300, 350, 400]) {
    const unpack = temporaryDirectory(t);
    const child = spawn(binary, ['--version'], { env: { K3C_UNPACK_DIR: unpack }, stdio: 'ignore' });
    const gone = new Promise((resolve) => child.once('close', resolve));
    await sleep(delay);
    child.kill('SIGKILL');
    await gone;
    if (trees(unpack).length === 0) unfinished++;
    await works(unpack);
    assert.deepEqual(
      readdirSync(unpack).filter((name) => name.startsWith('.tmp-')),
      [],
    );
    tree(unpack);
  }
  assert.ok(unfinished >= 3, `only ${unfinished} of the kills came in the middle`);
});

test('a killed holder of the lock lets the waiting go on', async (t) => {
  const unpack = temporaryDirectory(t);
  const holder = spawn(binary, ['--version'], { env: { K3C_UNPACK_DIR: unpack }, stdio: 'ignore' });
  await sleep(60);
  const waiting = Array.from({ length: 4 }, () => version(unpack));
  await sleep(30);
  holder.kill('SIGKILL');
  for (const result of await Promise.all(waiting)) assert.equal(result.code, 0, result.stderr);
  tree(unpack);
});

test('a damaged file says so in one sentence, exits 125 and leaves nothing', async (t) => {
  const flip = (at: (size: number) => number) => (path: string, size: number) => {
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.from('k3c'), 0, 3, at(size));
    closeSync(file);
  };
  const cases: Record<string, (path: string, size: number) => void> = {
    'cut by a byte': (path, size) => truncateSync(path, size - 1),
    'cut in the middle': (path, size) => truncateSync(path, Math.floor(size / 2)),
    'cut to the launcher': (path) => truncateSync(path, 320_000),
    'a byte in the first frame': flip(() => 2_000_000),
    'a byte in the middle': flip((size) => Math.floor(size / 2)),
    'a byte in the last frame': flip((size) => size - 20_000),
    'a byte in the index': flip((size) => size - 200),
    'a byte in the trailer': flip((size) => size - 20),
  };
  for (const [name, damage] of Object.entries(cases)) {
    const unpack = temporaryDirectory(t);
    const result = await version(unpack, damagedCopy(t, damage));
    assert.equal(result.code, 125, name);
    assert.match(result.stderr, /^k3c: this program file is damaged \(.*\): download it again\n$/, name);
    assert.deepEqual(
      readdirSync(unpack).filter((entry) => !entry.startsWith('.lock-')),
      [],
      name,
    );
  }
});

test('a tree that lost something is unpacked anew', async (t) => {
  const unpack = temporaryDirectory(t);
  await works(unpack);
  rmSync(join(tree(unpack), 'libm.so.6'));
  await works(unpack);
  chmodSync(join(tree(unpack), 'libc.so.6'), 0o755);
  truncateSync(join(tree(unpack), 'libc.so.6'), 0);
  await works(unpack);
  assert.ok(statSync(join(tree(unpack), 'libc.so.6')).size > 0);
});

test('what others could have written is not executed', async (t) => {
  const changes: Record<string, (path: string) => void> = {
    'tree writable by the group': (path) => chmodSync(tree(path), 0o775),
    'file writable by all': (path) => chmodSync(join(tree(path), 'k3c'), 0o757),
    "another's tree": (path) => chownSync(tree(path), nobody, nobody),
    "another's file": (path) => chownSync(join(tree(path), 'libc.so.6'), nobody, nobody),
  };
  for (const [name, change] of Object.entries(changes)) {
    const unpack = temporaryDirectory(t);
    await works(unpack);
    const before = statSync(join(tree(unpack), 'k3c')).ino;
    change(unpack);
    await works(unpack);
    assert.notEqual(statSync(join(tree(unpack), 'k3c')).ino, before, name);
    const { mode, uid } = statSync(tree(unpack));
    assert.deepEqual([mode & 0o022, uid], [0, 0], name);
  }
});

test('a base that others could write to is passed over', async (t) => {
  const changes: Record<string, (base: string) => string> = {
    'writable by the group': (base) => {
      chmodSync(base, 0o775);
      return base;
    },
    "another's": (base) => {
      chownSync(base, nobody, nobody);
      return base;
    },
    'below a directory that others may write to': (base) => {
      chmodSync(base, 0o777);
      mkdirSync(join(base, 'inside'), { mode: 0o755 });
      return join(base, 'inside');
    },
    'a link to such a one': (base) => {
      chmodSync(base, 0o777);
      const link = join(temporaryDirectory(t), 'link');
      symlinkSync(base, link);
      return link;
    },
  };
  for (const [name, change] of Object.entries(changes)) {
    const base = change(temporaryDirectory(t));
    const result = await elsewhere('mount -t tmpfs -o mode=0755 tmpfs /var/lib', base);
    assert.equal(result.code, 0, `${name}: ${result.stderr}`);
    assert.deepEqual(readdirSync(base), [], name);
  }
});

test('a full disk, a read-only one and a noexec one: the next base is used, or all are named', async (t) => {
  const nowhere = 'for d in /var/lib /var/tmp /tmp /run /dev/shm; do mount -t tmpfs -o ro tmpfs $d; done';
  for (const options of ['size=20m', 'size=200m', 'ro', 'noexec,size=600m']) {
    const base = temporaryDirectory(t, '/root');
    const small = `mount -t tmpfs -o mode=0755,${options} tmpfs "$K3C_UNPACK_DIR"`;
    const refused = await elsewhere(`${small}; ${nowhere}`, base);
    assert.equal(refused.code, 125, `${options}: ${refused.stderr}`);
    assert.match(refused.stderr, /^k3c: cannot unpack anywhere, set K3C_UNPACK_DIR .*; tried .*\n$/);
    assert.ok(refused.stderr.includes(`${base} (`), refused.stderr);
    assert.match(refused.stdout, /^left:(\n\.lock-[0-9a-f]+)?\n$/, options);

    const next = await elsewhere(`${small}; mount -t tmpfs -o mode=0755 tmpfs /var/lib`, base);
    assert.equal(next.code, 0, `${options}: ${next.stderr}`);
    assert.match(next.stdout, /^k3c version .*\nleft:(\n\.lock-[0-9a-f]+)?\n$/, options);
  }
});

test('space that ends in the middle of the writing leaves nothing', async (t) => {
  const base = temporaryDirectory(t);
  // A limit on the file size fails a write that the free space promised.
  const limit = 'trap "" XFSZ; ulimit -f 100000; mount -t tmpfs -o mode=0755 tmpfs /var/lib';
  const result = await elsewhere(limit, base);
  assert.equal(result.code, 125, result.stdout);
  assert.match(result.stderr, /File too large/);
  assert.match(result.stdout, /^left:\n\.lock-[0-9a-f]+\n$/);
  await works(base);
});
