/** kill -9 of the daemon, or of containerd, at any moment of a start: what was answered is true, and nothing is left over. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/counting.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { heldForNoContainer } from '../support/leftovers.ts';
import { processesWith } from '../support/sweep.ts';

const ROUNDS = Number(process.env['K3C_FAULT_ROUNDS'] ?? 10);
/** Each death in a row doubles the wait before the next start. */
const CONTAINERD_ROUNDS = 6;
/** From the request of a `run -d` until its process runs, with some room. */
const START_MS = 350;

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon.stop());

/** Starts containers until something is killed; tells which starts were answered, and removes that were. */
async function work(round: number, killed: Promise<void>): Promise<{ started: string[]; unanswered: string[] }> {
  const started: string[] = [];
  const unanswered: string[] = [];
  const lane = async (name: string, flags: readonly string[]) => {
    const { code } = await daemon.k3c(['run', '-d', '--name', name, ...flags, 'busybox', 'sleep', '1000']);
    (code === 0 ? started : unanswered).push(name);
  };
  await Promise.all([
    lane(`a${round}`, []),
    lane(`b${round}`, ['--rm']),
    lane(`c${round}`, ['--restart', 'always']),
    killed,
  ]);
  return { started, unanswered };
}

describe('kill -9 at any moment of a start', { timeout: 170_000 }, () => {
  test('of the daemon', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const at = (START_MS * (round + Math.random())) / ROUNDS;
      const { started } = await work(
        round,
        sleep(at).then(() => daemon.end('SIGKILL')),
      );
      await daemon.start();
      const running = (await daemon.ok(['ps', '--format', '{{.Names}}'])).split('\n');
      for (const name of started) assert.ok(running.includes(name), `round ${round} at ${at} ms: ${name} does not run`);
      await checkRemoval(`round ${round} at ${at} ms`);
    }
  });

  test('of containerd', async () => {
    for (let round = 0; round < CONTAINERD_ROUNDS; round++) {
      const at = (START_MS * (round + Math.random())) / CONTAINERD_ROUNDS;
      const { started } = await work(
        round + 100,
        sleep(at).then(async () => {
          for (const pid of await processesWith([`bin/containerd --config ${daemon.state}/`]))
            process.kill(pid, 'SIGKILL');
        }),
      );
      await until('containerd is back', async () => (await daemon.k3c(['images'])).code === 0);
      const running = (await daemon.ok(['ps', '--format', '{{.Names}}'])).split('\n');
      for (const name of started) assert.ok(running.includes(name), `round ${round} at ${at} ms: ${name} does not run`);
      await checkRemoval(`round ${round} at ${at} ms`);
    }
  });

  /** Everything can be removed, and is gone then. */
  async function checkRemoval(when: string): Promise<void> {
    const ids = (await daemon.ok(['ps', '-aq', '--no-trunc'])).split('\n').filter((id) => id !== '');
    if (ids.length > 0) await daemon.ok(['rm', '-f', ...ids]);
    assert.deepEqual(await heldForNoContainer(daemon), [], when);
  }
});
