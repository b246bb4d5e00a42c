/** Completion as bash does it with the script that the binary prints. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { binary } from '../support/binary.ts';
import { type Daemon, startDaemon } from '../support/k3c.ts';

let daemon: Daemon;
before(async () => {
  daemon = await startDaemon();
});
after(() => daemon.stop());

/** What bash offers for a line whose cursor is at its end. */
async function offers(line: string): Promise<string[]> {
  const words = line.split(/([:=])|\s/).filter((word): word is string => word !== undefined && word !== '');
  if (/\s$/.test(line)) words.push('');
  const script = `
source <(k3c completion bash)
COMP_LINE=$1; COMP_POINT=\${#1}; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_k3c
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await promisify(execFile)('bash', ['-c', script, 'bash', line, ...words], {
    env: { ...process.env, PATH: `${dirname(binary)}:${process.env['PATH']}`, K3C_ADDRESS: daemon.address },
  });
  return stdout.split('\n').filter((word) => word !== '');
}

test('bash completes commands, containers, images, flags and values', async () => {
  await daemon.ok(['create', '--name', 'web-one', 'busybox', 'true']);
  await daemon.ok(['tag', 'busybox', 'app:1']);
  assert.deepEqual(await offers('k3c comple'), ['completion']);
  assert.deepEqual(await offers('k3c rm we'), ['web-one']);
  assert.deepEqual(await offers('k3c run --rm ap'), ['app:1']);
  // bash has parted app:1 at the colon.
  assert.deepEqual(await offers('k3c run --rm app:'), ['1']);
  assert.deepEqual(await offers('k3c run --pull=ne'), ['never']);
  assert.deepEqual(await offers('k3c run --detach-k'), ['--detach-keys']);
});

test('without a daemon, what needs none is completed, and nothing is said', async () => {
  const { stdout, stderr, code } = await daemon.k3c(['-H', '/nonexistent.sock', '__complete', '--', 'rm', '']);
  assert.deepEqual([code, stdout, stderr], [0, ':\n', '']);
});

test('another shell is refused by name', async () => {
  const { code, stderr } = await daemon.k3c(['completion', 'tcsh']);
  assert.deepEqual([code, stderr], [1, "no completion for the shell 'tcsh': use bash, zsh, fish\n"]);
});
