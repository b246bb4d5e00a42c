import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkProcessLimits, readProcessLimits } from './process-limits.ts';

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              unlimited            unlimited            seconds   
Max open files            1024                 20000                files     
Max nice priority         0                    0                    
`;

async function own(t: { after(act: () => unknown): void }, capabilities: string) {
  const directory = await mkdtemp(join(tmpdir(), 'k3c-limits-'));
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'status'), `Name:\tx\nCapEff:\t${capabilities}\n`);
  await writeFile(join(directory, 'limits'), LIMITS);
  await writeFile(join(directory, 'oom_score_adj'), '-3\n');
  return readProcessLimits(directory);
}
const nofile = (hard: number) => ({ oomScoreAdj: 0, ulimits: [{ name: 'nofile', soft: 1, hard }] });

test('without the capability nothing is raised', async (t) => {
  const limits = await own(t, '000001fffeffffff');
  assert.deepEqual(
    ['nofile', 'cpu', 'nice'].map((kind) => limits.hard(kind)),
    [20_000, Number.POSITIVE_INFINITY, 0],
  );
  checkProcessLimits(nofile(20_000), limits);
  checkProcessLimits({ oomScoreAdj: 0, ulimits: [{ name: 'cpu', soft: -1, hard: -1 }] }, limits);
  checkProcessLimits({ oomScoreAdj: -3, ulimits: [] }, limits);
  const lacks = 'this daemon lacks CAP_SYS_RESOURCE, and its own is';
  assert.throws(() => checkProcessLimits(nofile(20_001), limits), {
    message: `cannot set the hard limit nofile to 20001: ${lacks} 20000`,
    hint: 'use 20000 or less, or give the daemon CAP_SYS_RESOURCE',
  });
  assert.throws(() => checkProcessLimits(nofile(-1), limits), {
    message: `cannot set the hard limit nofile to unlimited: ${lacks} 20000`,
  });
  assert.throws(() => checkProcessLimits({ oomScoreAdj: -4, ulimits: [] }, limits), {
    message: `cannot set the OOM score to -4: ${lacks} -3`,
  });
});

test('with it everything is', async (t) => {
  const limits = await own(t, '000001ffffffffff');
  checkProcessLimits({ ...nofile(-1), oomScoreAdj: -1000 }, limits);
});
