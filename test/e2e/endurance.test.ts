/** The same thing again and again, and much at once: no byte and no exit code is lost. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { heldForNoContainer } from '../support/leftovers.ts';

/** 200 for the whole of it; fewer keep the suite short. */
const RUNS = Number(process.env['K3C_RUNS'] ?? 60);

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon.stop());

/** Runs work for 0…count-1, so many at once. */
async function inLanes(count: number, lanes: number, work: (at: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

describe('endurance', { timeout: 240_000 }, () => {
  for (const lanes of [1, 6]) {
    test(`run --rm echo hi, ${RUNS} times, ${lanes} at once`, async () => {
      const wrong: string[] = [];
      await inLanes(RUNS, lanes, async (at) => {
        const { code, stdout, stderr } = await daemon.k3c(['run', '--rm', 'busybox', 'echo', 'hi'], {
          direct: at % 4 === 3,
        });
        if (code !== 0 || stdout !== 'hi\n' || stderr !== '') wrong.push(`${code} ${JSON.stringify(stdout)} ${stderr}`);
      });
      assert.deepEqual(wrong, []);
    });
  }

  test('every exit code', async () => {
    await daemon.ok(['run', '-d', '--name', 'box', 'busybox', 'sleep', '1000']);
    const wrong: string[] = [];
    await inLanes(256, 4, async (expected) => {
      const { code } = await daemon.k3c(['exec', 'box', 'sh', '-c', `exit ${expected}`]);
      if (code !== expected) wrong.push(`exec ${expected}: ${code}`);
    });
    await inLanes(9, 3, async (at) => {
      const expected = [0, 1, 2, 125, 126, 127, 137, 143, 255][at] ?? 0;
      const { code } = await daemon.k3c(['run', '--rm', 'busybox', 'sh', '-c', `exit ${expected}`]);
      if (code !== expected) wrong.push(`run ${expected}: ${code}`);
    });
    assert.deepEqual(wrong, []);
    await daemon.ok(['rm', '-f', 'box']);
  });

  test('a file goes through unchanged, out of and into a container', async () => {
    const data = randomBytes(20 << 20);
    const sum = createHash('sha256').update(data).digest('hex');
    const file = join(daemon.directory, 'data');
    await writeFile(file, data);
    for (const direct of [false, true]) {
      assert.equal(await hashOf(['run', '--rm', '-v', `${file}:/data:ro`, 'busybox', 'cat', '/data'], direct), sum);
      assert.equal(await hashOf(['run', '-i', '--rm', 'busybox', 'cat'], direct, data), sum);
      const counted = await daemon.k3c(['run', '-i', '--rm', 'busybox', 'sha256sum'], { stdin: data, direct });
      assert.equal(counted.stdout, `${sum}  -\n`);
    }
  });

  test('a tree goes through tar', async () => {
    const child = daemon.spawn(['run', '--rm', 'busybox', 'tar', 'c', '/bin', '/etc']);
    const list = daemon.k3c(['run', '-i', '--rm', 'busybox', 'tar', 't'], {
      stdin: Buffer.concat((await child.stdout?.toArray()) as Buffer[]),
    });
    const { code, stdout } = await list;
    assert.equal(code, 0);
    assert.ok(stdout.includes('bin/busybox\n') && stdout.includes('etc/passwd\n'), stdout.slice(0, 500));
  });

  test('and nothing is left', async () => {
    assert.equal(await daemon.ok(['ps', '-aq']), '');
    assert.deepEqual(await heldForNoContainer(daemon), []);
  });
});

/** The SHA-256 of what a command prints. */
async function hashOf(args: readonly string[], direct: boolean, input?: Buffer): Promise<string> {
  const child = daemon.spawn(args, { direct });
  const hash = createHash('sha256');
  child.stdout?.on('data', (chunk: Buffer) => hash.update(chunk));
  child.stdin?.end(input);
  const [code] = await once(child, 'close');
  assert.equal(code, 0);
  return hash.digest('hex');
}
