/** What commands draw: live views on a terminal, plain lines elsewhere. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { binary } from '../support/binary.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';
import { hasRegistry, type Registry, startRegistry } from '../support/registry.ts';
import { hasTmux, openWindow } from '../support/tmux.ts';

const skip = !(await hasTmux()) && 'tmux is not installed';
const noRegistry = skip || (!(await hasRegistry()) && 'docker-registry is not installed');

let daemon: Daemon;
let registry: Registry | undefined;
before(async () => {
  if (skip !== false) return;
  daemon = await startDaemon();
  if (noRegistry === false) registry = await startRegistry({ directory: join(daemon.directory, 'registry') });
});
after(async () => {
  await registry?.stop();
  await daemon?.stop();
});

async function context(name: string, dockerfile: string): Promise<string> {
  const path = join(daemon.directory, name);
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'Dockerfile'), dockerfile);
  return path;
}

for (const direct of [false, true]) {
  describe(direct ? 'views of a process of its own' : 'views through the front door', { skip }, () => {
    const mark = direct ? 'direct' : 'door';

    async function shell(t: TestContext) {
      const window = await openWindow({ K3C_ADDRESS: daemon.address });
      t.after(() => window.close());
      await window.shows(/^\$/);
      const k3c = async (line: string) => {
        await window.type(`clear; ${binary} ${direct ? '-H $K3C_ADDRESS ' : ''}${line}; echo "code=$?"`);
        await window.press('Enter');
      };
      return { window, k3c };
    }

    test('a build shows its steps, the output of what runs, and collapses', async (t) => {
      const { window, k3c } = await shell(t);
      const steps = `FROM busybox\nRUN for i in 1 2 3; do echo ${mark} $i; sleep 0.4; done\n`;
      await k3c(`build -t view-${mark} ${await context(`view-${mark}`, steps)}`);
      await window.shows(/^ => \[2\/2\] RUN for i in 1 2 3;.*\d\.\ds\n => => # \w+ 1$/m);
      const screen = await window.shows(/^code=0$/m);
      assert.match(screen, /^\[\+\] Building \d+\.\ds \((\d+)\/\1\) FINISHED\n => \[internal\] load build definition/);
      assert.match(screen, /\n => \[2\/2\] RUN for i in 1 2 3; .* 1\.\ds\n => exporting to image/);
      assert.match(screen, new RegExp(`\n => => naming to docker.io/library/view-${mark}:latest +0\\.\\ds\n`));
      assert.doesNotMatch(screen, /=> => #/);
      for (const line of screen.split('\n').filter((text) => text.startsWith(' =>'))) assert.equal(line.length, 80);
    });

    test('a build that fails shows the last lines and the place', async (t) => {
      const { window, k3c } = await shell(t);
      await k3c(`build ${await context(`fails-${mark}`, `FROM busybox\nRUN echo ${mark}; exit 3\n`)}`);
      const screen = await window.shows(/^code=1$/m);
      assert.match(screen, new RegExp(`^ > \\[2/2\\] RUN echo ${mark}; exit 3:\n\\d\\.\\d+ ${mark}$`, 'm'));
      assert.match(screen, new RegExp(`^Dockerfile:2\n-+\n +1 \\| +FROM busybox\n +2 \\| >>> RUN echo ${mark}`, 'm'));
      assert.match(
        screen,
        /^ERROR: failed to build: failed to solve: process "[^"]*"\s*did\s+not\s+complete\s+successfully: exit code: 3$/m,
      );
    });

    test('^C ends a build, and the view is whole', async (t) => {
      const { window, k3c } = await shell(t);
      await k3c(`build ${await context(`long-${mark}`, `FROM busybox\nRUN echo ${mark}; sleep 1000\n`)}`);
      await window.shows(/=> => # /);
      await window.press('C-c');
      const screen = await window.shows(/^code=130$/m);
      assert.match(screen, /^\[\+\] Building \d+\.\ds \(\d+\/\d+\) FINISHED\n/);
      assert.match(screen, /^ => CANCELED \[2\/2\] RUN echo/m);
      assert.match(screen, /^ERROR: failed to build: canceled$/m);
    });

    test('push and pull draw a line a layer, and plain lines elsewhere', { skip: noRegistry }, async (t) => {
      const { window, k3c } = await shell(t);
      const name = `${registry?.address}/moved-${mark}:1`;
      await daemon.ok([
        'build',
        '-q',
        '-t',
        name,
        await context(`moved-${mark}`, `FROM busybox\nRUN echo ${mark} > /f\n`),
      ]);
      await k3c(`push ${name}`);
      const pushed = await window.shows(/^code=0$/m);
      assert.match(
        pushed,
        /^The push refers to repository \[.*\]\n([0-9a-f]{12}: Pushed\n){2}1: digest: sha256:[0-9a-f]+\n?[0-9a-f]+ size: \d+\n/,
      );
      await daemon.ok(['rmi', name]);
      await k3c(`pull ${name}`);
      const pulled = await window.shows(/^code=0$/m);
      assert.match(
        pulled,
        /^1: Pulling from moved-\w+\n([0-9a-f]{12}: (Pull complete|Already exists)\n)+Digest: sha256:/,
      );
      assert.match(pulled, /^Status: Downloaded newer image for /m);
      await daemon.ok(['rmi', name]);
      const { stdout, stderr } = await daemon.k3c(['pull', name], { direct });
      assert.equal(stderr, '');
      assert.equal(stripVTControlCharacters(stdout).replaceAll('\r', ''), stdout);
      assert.match(stdout, /\n[0-9a-f]{12}: Pull complete\n/);
      await daemon.ok(['rmi', name]);
    });

    test('logs -f follows until ^C', async (t) => {
      const { window, k3c } = await shell(t);
      const loop = 'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.2; done';
      await daemon.ok(['run', '-d', '--name', 'talks', 'busybox', 'sh', '-c', loop]);
      t.after(() => daemon.k3c(['rm', '-f', 'talks']));
      await k3c('logs -f talks');
      await window.shows(/^line 1\nline 2\n(line \d+\n)*line 6$/m);
      await window.press('C-c');
      await window.shows(/^\^Ccode=130$/m);
      assert.equal(await daemon.ok(['ps', '--format', '{{.Names}}']), 'talks');
    });

    test('the death of a container gives the terminal back', async (t) => {
      const { window, k3c } = await shell(t);
      await k3c('run -it --name killed busybox sh');
      t.after(() => daemon.k3c(['rm', '-f', 'killed']));
      await window.shows(/^~ #$/m);
      await daemon.ok(['kill', 'killed']);
      await window.shows(/code=137$/m);
      await window.type('stty -a | grep -c " icanon .* echo " && echo is-sane');
      await window.press('Enter');
      await window.shows(/^1\nis-sane$/m);
    });

    test('^Z and fg are the shell’s in the container', async (t) => {
      const { window, k3c } = await shell(t);
      await k3c('run -it --rm busybox sh');
      await window.shows(/^~ #$/m);
      await window.type('sleep 1000');
      await window.press('Enter');
      await sleep(200);
      await window.press('C-z');
      await window.shows(/Stopped +sleep 1000$/m);
      await window.type('fg');
      await window.press('Enter');
      await window.shows(/^sleep 1000$/m);
      await window.press('C-c');
      await window.type('exit 4');
      await window.press('Enter');
      await window.shows(/^code=4$/m);
    });

    test('a list is a line a container where the terminal is wide enough', async (t) => {
      const { window, k3c } = await shell(t);
      await daemon.ok(['run', '-d', '--name', 'narrow', 'busybox', 'sleep', '1000']);
      t.after(() => daemon.k3c(['rm', '-f', 'narrow']));
      await window.resize(120, 24);
      await k3c('ps');
      await window.shows(
        /^CONTAINER ID {3}IMAGE {5}COMMAND {8}CREATED .* NAMES\n[0-9a-f]{12} {3}busybox {3}"sleep 1000" .* narrow$/m,
      );
    });
  });
}
