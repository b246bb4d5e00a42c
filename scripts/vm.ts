/**
 * Tests on a machine of our own: boots Debian in qemu, runs test files in it and powers it off (test/vm/README.md).
 * `vm.ts PATTERN…` runs the test files whose path contains a pattern, instead of those of test/vm.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeImage } from '../test/vm/image.ts';

const root = join(import.meta.dirname, '..');
const directory = join(root, 'dist/vm');
const MEMORY_MB = 4096;
/** Interpreted, a boot takes most of a minute, and the tests ten times as long as elsewhere. */
const PATIENCE_MS = 45 * 60_000;

setup();
const image = makeImage(directory);
process.exitCode = await boot(process.argv.slice(2));

function setup(): void {
  if (existsSync('/usr/bin/qemu-system-x86_64') && existsSync('/usr/bin/mmdebstrap')) return;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const packages = ['qemu-system-x86', 'mmdebstrap'];
  for (const words of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...packages],
  ])
    if (spawnSync('apt-get', words, { env, stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0)
      throw new Error(`apt-get ${words[0]} failed`);
}

/** A device alone is not enough: in a guest without nested virtualization KVM is there and does not work. */
function accelerated(): boolean {
  return existsSync('/dev/kvm') && /^flags\s.*\b(vmx|svm)\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
}

/** Runs the machine until it powers off; its last line says how the tests went. */
async function boot(words: readonly string[]): Promise<number> {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'console.log'), '');
  const engine = accelerated() ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', 'tcg,thread=multi', '-cpu', 'max'];
  const append = `root=/dev/vda rw console=ttyS0 panic=5 quiet k3c.vm=${Buffer.from(JSON.stringify(words)).toString('base64url')}`;
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...['-machine', 'q35', ...engine, '-smp', '2', '-m', String(MEMORY_MB), '-nodefaults', '-no-user-config'],
      ...['-display', 'none', '-nic', 'none', '-device', 'virtio-rng-pci'],
      ...['-kernel', image.kernel, '-initrd', image.initrd, '-append', append],
      // The image stays as it is: what the machine writes is gone when it ends.
      ...['-drive', `file=${image.disk},if=virtio,format=raw,snapshot=on,cache=unsafe`],
      ...['-virtfs', `local,path=${root},mount_tag=repo,security_model=none,readonly=on,multidevs=remap`],
      ...['-serial', `file:${join(directory, 'console.log')}`, '-serial', 'stdio'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const late = setTimeout(() => qemu.kill('SIGKILL'), PATIENCE_MS);
  const stop = () => qemu.kill('SIGTERM');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  let end = '';
  qemu.stdout.on('data', (chunk: Buffer) => {
    // Line ends are a terminal's.
    const text = chunk.toString('latin1').replaceAll('\r', '');
    process.stdout.write(Buffer.from(text, 'latin1'));
    end = (end + text).slice(-200);
  });
  const failed = await new Promise<boolean>((resolve, reject) => {
    qemu.once('error', reject);
    qemu.once('close', (code) => resolve(code !== 0));
  });
  clearTimeout(late);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, stop);
  const told = /^vm: exit (\d+)$/m.exec(end)?.[1];
  if (failed || told === undefined) {
    console.error(`vm: the machine ended before its tests did; its console is in ${join(directory, 'console.log')}`);
    return 1;
  }
  return Number(told);
}
