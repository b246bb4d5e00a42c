import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ExitNotes } from './exit-notes.ts';

const unknown = { exitCode: 255, exitedAt: 9n, reason: 'Unknown', oomKilled: false };

test('an exit that CRI does not know is told as the shim noted it', async (t) => {
  const state = await mkdtemp(join(tmpdir(), 'k3c-notes-'));
  t.after(() => rm(state, { recursive: true }));
  const write = async (id: string, text: string) => {
    const bundle = join(state, 'io.containerd.runtime.v2.task/k8s.io', id);
    await mkdir(bundle, { recursive: true });
    await writeFile(join(bundle, 'exit.json'), text);
  };
  const notes = new ExitNotes(state);
  await notes.collect();
  await write('a', '{"Timestamp":"2026-11-24T09:15:10.000000123+01:00","Pid":4,"Status":42}');
  await write('b', '{"Timestamp":"2026-11-24T09:15:10Z","Pid":4,"Status":0}');
  await write('c', '{"Timestamp":"soon","Pid":4,"Status":3}');
  await write('d', '{');
  await mkdir(join(state, 'io.containerd.runtime.v2.task/k8s.io/runs'));
  await notes.collect();
  const at = BigInt(Date.parse('2026-11-24T08:15:10Z')) * 1_000_000n + 123n;
  assert.deepEqual(notes.correct('a', unknown), { ...unknown, exitCode: 42, exitedAt: at, reason: 'Error' });
  assert.deepEqual(notes.correct('a', unknown), unknown);
  const known = { ...unknown, exitCode: 7, reason: 'Error' };
  assert.deepEqual(notes.correct('b', known), known);
  for (const id of ['c', 'd', 'runs', 'nope']) assert.deepEqual(notes.correct(id, unknown), unknown);
});
