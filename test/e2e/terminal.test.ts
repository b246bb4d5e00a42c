import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { binary } from '../support/binary.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { hasTmux, openWindow } from '../support/tmux.ts';

const skip = !(await hasTmux()) && 'tmux is not installed';

let daemon: Daemon;
before(async () => {
  if (skip === false) daemon = await startDaemon();
});
after(() => daemon?.stop());

for (const direct of [false, true]) {
  describe(direct ? 'a terminal of a process of its own' : 'a terminal through the front door', { skip }, () => {
    const flag = direct ? `-H ${'$'}K3C_ADDRESS ` : '';

    async function shell(t: TestContext) {
      const window = await openWindow({ K3C_ADDRESS: daemon.address });
      t.after(() => window.close());
      const k3c = async (line: string) => {
        await window.type(`${binary} ${flag}${line}`);
        await window.press('Enter');
      };
      await window.shows(/^\$/);
      return { window, k3c };
    }

    /** The terminal is as it was: it echoes, and signals end what runs in it. */
    async function isSane(window: Awaited<ReturnType<typeof openWindow>>) {
      await window.type('stty -a | grep -c " echo " && echo is-sane');
      await window.press('Enter');
      await window.shows(/^1\nis-sane$/m);
    }

    test('a shell has the terminal: size, resize, ^C, exit code', async (t) => {
      const { window, k3c } = await shell(t);
      await k3c('run -it --rm busybox sh; echo "code=$?"');
      await window.shows(/^~ #$/m);
      await window.type('stty size; tty; test -t 0 && test -t 1 && echo both');
      await window.press('Enter');
      await window.shows(/^24 80\n\/dev\/pts\/0\nboth$/m);
      await window.resize(100, 30);
      await window.type('while [ "$(stty size)" != "30 100" ]; do sleep 0.05; done; echo resized');
      await window.press('Enter');
      await window.shows(/^resized$/m);
      await window.type('sleep 1000');
      await window.press('Enter');
      await sleep(200);
      await window.press('C-c');
      await window.type('echo code=$?; exit 7');
      await window.press('Enter');
      await window.shows(/^code=130$/m);
      await window.shows(/^code=7$/m);
      await isSane(window);
      // The container is removed behind the client's back.
      for (let i = 0; i < 50 && (await daemon.ok(['ps', '-aq'])) !== ''; i++) await sleep(100);
      assert.equal(await daemon.ok(['ps', '-aq']), '');
    });

    test('detach keys leave it running, attach comes back', async (t) => {
      const { window, k3c } = await shell(t);
      // Not an interactive shell: busybox asks the terminal where its cursor is, and the answer may come after we detached.
      await k3c(`run -it --name kept busybox sh -c 'echo up; while read -r x; do eval "$x"; done'; echo "code=$?"`);
      t.after(() => daemon.k3c(['rm', '-f', 'kept']));
      await window.shows(/^up$/m);
      await window.type('y=stays');
      await window.press('Enter', 'C-p', 'C-q');
      await window.shows(/code=0$/m);
      await isSane(window);
      assert.equal(await daemon.ok(['ps', '--format', '{{.Names}}']), 'kept');
      await k3c('attach --detach-keys ctrl-a,d kept; echo "code=$?"');
      await window.type('echo $y-here');
      await window.press('Enter');
      await window.shows(/^stays-here$/m);
      await window.press('C-a');
      await window.type('d');
      await window.shows(/read escape sequence\ncode=1$/m);
      await isSane(window);
    });

    test('exec -it, and what needs a terminal', async (t) => {
      const { window, k3c } = await shell(t);
      await daemon.ok(['run', '-d', '--name', 'box', 'busybox', 'sleep', '1000']);
      t.after(() => daemon.k3c(['rm', '-f', 'box']));
      await k3c('exec -it box sh; echo "code=$?"');
      await window.shows(/^~ #$/m);
      await window.type('stty size; exit 5');
      await window.press('Enter');
      await window.shows(/^24 80$/m);
      await window.shows(/^code=5$/m);
      await isSane(window);
      await k3c('run -it --rm busybox true </dev/null; echo "code=$?"');
      await window.shows(/the input device is not a TTY\ncode=1$/m);
    });

    test('^C without -t goes to the command', async (t) => {
      const { window, k3c } = await shell(t);
      await k3c(
        `run --rm busybox sh -c 'trap "echo got; exit 3" INT; echo ready; while :; do sleep 0.1; done'; echo "code=$?"`,
      );
      await window.shows(/^ready$/m);
      await window.press('C-c');
      await window.shows(/got\ncode=3$/m);
    });
  });
}
