import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { copyTree } from './copy-tree.ts';
import { mkfifo, mknod } from './libc.ts';
import { XattrFiles } from './xattr.ts';

const base = mkdtempSync(join(tmpdir(), 'k3c-copy-'));
after(() => rmSync(base, { recursive: true }));
const asRoot = process.getuid?.() === 0;

test('files, links, modes, times and owners arrive as they were', async () => {
  const [from, to] = [join(base, 'from'), join(base, 'to')];
  mkdirSync(join(from, 'sub'), { recursive: true });
  mkdirSync(to);
  writeFileSync(join(from, 'sub/run'), '#!/bin/sh\n');
  chmodSync(join(from, 'sub/run'), 0o4755);
  symlinkSync('../nowhere', join(from, 'link'));
  if (asRoot) {
    chownSync(join(from, 'sub/run'), 7, 8);
    chmodSync(join(from, 'sub/run'), 0o4755);
    chownSync(from, 5, 6);
  }
  chmodSync(from, 0o1777);
  utimesSync(join(from, 'sub'), 1000, 2000);
  await copyTree(from, to);
  assert.equal(readFileSync(join(to, 'sub/run'), 'utf8'), '#!/bin/sh\n');
  assert.equal(lstatSync(join(to, 'sub/run')).mode & 0o7777, 0o4755);
  assert.equal(readlinkSync(join(to, 'link')), '../nowhere');
  assert.equal(lstatSync(join(to, 'sub')).mtimeMs, 2_000_000);
  assert.equal(lstatSync(to).mode & 0o7777, 0o1777);
  if (!asRoot) return;
  assert.deepEqual([lstatSync(join(to, 'sub/run')).uid, lstatSync(join(to, 'sub/run')).gid], [7, 8]);
  assert.deepEqual([lstatSync(to).uid, lstatSync(to).gid], [5, 6]);
});

test('nothing is copied from a file or from what is not there', async () => {
  const to = join(base, 'untouched');
  mkdirSync(to);
  writeFileSync(join(base, 'file'), 'x');
  const before = lstatSync(to).mtimeMs;
  await copyTree(join(base, 'file'), to);
  await copyTree(join(base, 'nosuch/deeper'), to);
  assert.equal(lstatSync(to).mtimeMs, before);
});

test('a copy that was cut off can be done again: what is there stays, what is missing comes, no half file is left', async () => {
  const [from, to] = [join(base, 'again'), join(base, 'again-to')];
  mkdirSync(join(from, 'sub'), { recursive: true });
  mkdirSync(join(to, 'sub'), { recursive: true });
  for (const name of ['a', 'b', 'sub/c', 'sub/d']) writeFileSync(join(from, name), 'image');
  chmodSync(join(from, 'sub'), 0o710);
  writeFileSync(join(to, 'a'), 'of the user');
  writeFileSync(join(to, 'mine'), 'too');
  writeFileSync(join(to, 'sub/c'), 'image');
  writeFileSync(join(to, 'sub/.k3c-copying'), 'im');
  await copyTree(from, to);
  const files = ['a', 'b', 'mine', 'sub/c', 'sub/d'].map((name) => readFileSync(join(to, name), 'utf8'));
  assert.deepEqual(files, ['of the user', 'image', 'too', 'image', 'image']);
  assert.deepEqual(readdirSync(join(to, 'sub')), ['c', 'd']);
  assert.equal(lstatSync(join(to, 'sub')).mode & 0o7777, 0o710);
});

test('capabilities of programs are kept', { skip: !asRoot && 'only root may set them' }, async () => {
  const [from, to] = [join(base, 'caps'), join(base, 'caps-to')];
  for (const path of [from, to]) mkdirSync(path);
  writeFileSync(join(from, 'ping'), '');
  // cap_net_raw=ep, version 2 (linux/capability.h).
  const value = Buffer.from('0100000200200000000000000000000000000000', 'hex');
  assert.equal(new XattrFiles(from).set('ping', 'security.capability', value), true);
  await copyTree(from, to);
  assert.deepEqual(new XattrFiles(to).read('ping')?.get('security.capability'), value);
});

/** What a directory of the host looks like to somebody who wants to see that it was left alone. */
function look(directory: string) {
  const { uid, gid, mode, mtimeMs } = lstatSync(directory);
  return { uid, gid, mode, mtimeMs, names: readdirSync(directory) };
}

test('a link where the source has a directory or a file stays, and nothing goes through it', async () => {
  const [from, to, host] = [join(base, 'links'), join(base, 'links-to'), join(base, 'links-host')];
  mkdirSync(join(from, 'sub/deep'), { recursive: true });
  for (const path of [to, host]) mkdirSync(path);
  for (const name of ['sub/f', 'sub/deep/g', 'file', 'z']) writeFileSync(join(from, name), 'image');
  chmodSync(join(from, 'sub'), 0o711);
  symlinkSync(host, join(to, 'sub'));
  symlinkSync(join(host, 'made'), join(to, 'file'));
  symlinkSync(join(host, 'half'), join(to, '.k3c-copying'));
  const before = look(host);
  await copyTree(from, to);
  assert.deepEqual(look(host), before);
  assert.deepEqual(readdirSync(to), ['file', 'sub', 'z']);
  assert.equal(readlinkSync(join(to, 'sub')), host);
});

test('a directory that is swapped for a link while it is copied leads nowhere', async () => {
  const [from, to, host] = [join(base, 'race'), join(base, 'race-to'), join(base, 'race-host')];
  mkdirSync(join(from, 'sub/deep'), { recursive: true });
  for (const path of [to, host, join(host, 'deep')]) mkdirSync(path);
  for (const name of ['a', 'b', 'deep/c', 'deep/d']) writeFileSync(join(from, 'sub', name), 'image');
  symlinkSync('a', join(from, 'sub/link'));
  chmodSync(join(from, 'sub'), 0o711);
  const before = [look(host), look(join(host, 'deep'))];
  const [sub, aside] = [join(to, 'sub'), join(to, 'aside')];
  let swaps = 0;
  for (let round = 0; round < 150; round++) {
    let over = false;
    const copied = copyTree(from, to).finally(() => {
      over = true;
    });
    // Each turn of the loop comes between two other calls of the copy.
    for (let turn = 0; !over; turn++) {
      await new Promise(setImmediate);
      if (turn % 3 !== round % 3 || !existsSync(sub)) continue;
      renameSync(sub, aside);
      symlinkSync(host, sub);
      swaps++;
      await new Promise(setImmediate);
      unlinkSync(sub);
      renameSync(aside, sub);
    }
    await copied;
    rmSync(to, { recursive: true });
    mkdirSync(to);
  }
  assert.ok(swaps > 0, `${swaps} swaps`);
  assert.deepEqual([look(host), look(join(host, 'deep'))], before);
});

test('what somebody makes while a copy is under way is not replaced', async () => {
  const [from, to] = [join(base, 'first'), join(base, 'first-to')];
  mkdirSync(from);
  for (let file = 0; file < 20; file++) writeFileSync(join(from, `f${file}`), 'image');
  for (let round = 0; round < 30; round++) {
    mkdirSync(to);
    const made: string[] = [];
    let over = false;
    const copied = copyTree(from, to).finally(() => {
      over = true;
    });
    for (let turn = 0; !over; turn++) {
      await new Promise(setImmediate);
      const name = join(to, `f${(turn * 7 + round) % 20}`);
      if (turn % 5 !== 0 || existsSync(name)) continue;
      writeFileSync(name, 'mine', { flag: 'wx' });
      made.push(name);
    }
    await copied;
    for (const name of made) assert.equal(readFileSync(name, 'utf8'), 'mine');
    rmSync(to, { recursive: true });
  }
});

test('names of one file are names of one file again, whoever has changed the tree in between', async () => {
  const [from, to, host] = [join(base, 'hard'), join(base, 'hard-to'), join(base, 'hard-host')];
  for (const path of [join(from, 'a/b'), join(from, 'z'), join(to, 'a'), host]) mkdirSync(path, { recursive: true });
  for (const name of ['a/b/one', 'a/two', 'plain', 'taken']) writeFileSync(join(from, name), name);
  for (const name of ['a/b/more', 'z/more']) linkSync(join(from, 'a/b/one'), join(from, name));
  linkSync(join(from, 'a/two'), join(from, 'z/two'));
  linkSync(join(from, 'taken'), join(from, 'z/taken'));
  // A file of the host in the way of one name; somebody's own file under another.
  writeFileSync(join(host, 'two'), 'secret');
  symlinkSync(join(host, 'two'), join(to, 'a/two'));
  writeFileSync(join(to, 'taken'), 'mine');
  await copyTree(from, to);
  const inode = (name: string) => lstatSync(join(to, name)).ino;
  assert.equal(lstatSync(join(to, 'a/b/one')).nlink, 3);
  assert.deepEqual([inode('a/b/more'), inode('z/more')], [inode('a/b/one'), inode('a/b/one')]);
  assert.deepEqual([lstatSync(join(to, 'plain')).nlink, lstatSync(join(host, 'two')).nlink], [1, 1]);
  assert.equal(readFileSync(join(to, 'z/two'), 'utf8'), 'a/two');
  assert.deepEqual(
    ['taken', 'z/taken'].map((name) => readFileSync(join(to, name), 'utf8')),
    ['mine', 'taken'],
  );
  // Done again after it was cut off: what is missing is linked to what is there.
  unlinkSync(join(to, 'z/more'));
  await copyTree(from, to);
  assert.equal(inode('z/more'), inode('a/b/one'));
});

test('names need not be UTF-8', async () => {
  const [from, to] = [join(base, 'bytes'), join(base, 'bytes-to')];
  for (const path of [from, to]) mkdirSync(path);
  const named = (root: string, name: string) => Buffer.concat([Buffer.from(`${root}/`), Buffer.from(name, 'latin1')]);
  mkdirSync(named(from, 'd\xe9'));
  writeFileSync(named(from, 'd\xe9/f\xff'), 'x');
  symlinkSync(Buffer.from('\xfe', 'latin1'), named(from, 'l\xe9'));
  await copyTree(from, to);
  assert.equal(readFileSync(named(to, 'd\xe9/f\xff'), 'utf8'), 'x');
  assert.deepEqual(readlinkSync(named(to, 'l\xe9'), { encoding: 'buffer' }), Buffer.from('\xfe', 'latin1'));
});

test('FIFOs come along, and devices', { skip: !asRoot && 'only root may make devices' }, async () => {
  const [from, to] = [join(base, 'nodes'), join(base, 'nodes-to')];
  for (const path of [from, to]) mkdirSync(path);
  mkfifo(join(from, 'fifo'), 0o600);
  mknod(join(from, 'null'), 0o020000, 1, 3);
  mknod(join(from, 'big'), 0o060000, 259, 0x12345);
  chownSync(join(from, 'fifo'), 7, 8);
  chmodSync(join(from, 'fifo'), 0o620);
  chmodSync(join(from, 'null'), 0o666);
  await copyTree(from, to);
  for (const name of ['fifo', 'null', 'big']) {
    const [was, is] = [lstatSync(join(from, name)), lstatSync(join(to, name))];
    const looks = ({ mode, uid, gid, rdev, nlink }: typeof was) => ({ mode, uid, gid, rdev, nlink });
    assert.deepEqual(looks(is), looks(was), name);
  }
});
