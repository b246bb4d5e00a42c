import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { makeFifo } from '../../host/fifo.ts';
import { removeFifos, repairFifos, restoreFifos, swapFifos } from './fifos.ts';

const ID = 'abc';
let state = '';
let ours: { stdout: string; stderr: string };

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'k3c-fifos-'));
  mkdirSync(join(state, 'ours'));
  ours = { stdout: join(state, 'ours/stdout'), stderr: join(state, 'ours/stderr') };
  for (const path of Object.values(ours)) makeFifo(path);
});
afterEach(() => rm(state, { recursive: true, force: true }));

function criDir(name: string): string {
  const dir = join(state, 'io.containerd.grpc.v1.cri/containers', ID, 'io', name);
  mkdirSync(dir, { recursive: true });
  for (const stream of ['stdout', 'stderr']) makeFifo(join(dir, `${ID}-${stream}`));
  return dir;
}

const inode = (path: string) => lstatSync(path).ino;

test('our FIFOs take the place of those of CRI in every directory, and give it back', () => {
  const dirs = [criDir('1'), criDir('2')];
  const before = dirs.map((dir) => inode(join(dir, `${ID}-stdout`)));
  swapFifos(state, ID, ours);
  for (const dir of dirs) {
    assert.equal(inode(join(dir, `${ID}-stdout`)), inode(ours.stdout));
    assert.equal(inode(join(dir, `${ID}-stderr`)), inode(ours.stderr));
  }
  restoreFifos(state, ID);
  assert.deepEqual(
    dirs.map((dir) => inode(join(dir, `${ID}-stdout`))),
    before,
  );
  for (const dir of dirs) assert.deepEqual(readdirSync(dir).sort(), [`${ID}-stderr`, `${ID}-stdout`]);
  restoreFifos(state, ID);
});

test('another layout is refused and left as it is', () => {
  const refused = { code: 9, message: /did not make the FIFOs of container abc/ };
  assert.throws(() => swapFifos(state, ID, ours), refused);
  const dir = criDir('1');
  assert.throws(() => swapFifos(state, ID, { ...ours, stdin: join(state, 'ours/stdin') }), refused);
  writeFileSync(join(state, 'file'), '');
  assert.deepEqual(readdirSync(dir).sort(), [`${ID}-stderr`, `${ID}-stdout`]);
});

test('what a killed daemon left swapped is repaired, and other files are left alone', async () => {
  await repairFifos(join(state, 'not-there'));
  const dir = criDir('1');
  const before = inode(join(dir, `${ID}-stdout`));
  swapFifos(state, ID, ours);
  writeFileSync(join(dir, 'cri-other'), '');
  writeFileSync(join(state, 'io.containerd.grpc.v1.cri/containers/file'), '');
  await repairFifos(state);
  assert.equal(inode(join(dir, `${ID}-stdout`)), before);
  assert.deepEqual(readdirSync(dir).sort(), [`${ID}-stderr`, `${ID}-stdout`, 'cri-other']);
});

test('FIFOs are removed once', () => {
  removeFifos(ours);
  removeFifos(ours);
  assert.deepEqual(readdirSync(join(state, 'ours')), []);
});
