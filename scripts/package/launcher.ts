import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, madeFrom } from './cached.ts';
import { dist, sources } from './places.ts';

const launcherSources = [
  ...[
    'main',
    'fail',
    'sha256',
    'sha256_x86',
    'payload',
    'interp',
    'unpack',
    'trust',
    'tree',
    'bases',
    'netlink',
    'child',
  ],
  ...['door', 'door_connect', 'door_queue', 'door_hello'],
];
const childSources = ['child_main', 'child', 'own_root', 'fail'];
const fileSources = [
  ...['files_main', 'files_fail', 'files_path', 'files_root', 'files_tar_write', 'files_tar_read'],
  ...['files_links', 'files_pack', 'files_destination', 'files_unpack', 'files_changes', 'files_mount'],
];

/** musl-gcc knows only musl's headers: the kernel's and zstd's come from the system's, searched last. */
const flags = [
  ...['-std=gnu11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-Werror'],
  ...['-static', '-s', '-idirafter', '/usr/include', '-idirafter', '/usr/include/x86_64-linux-gnu'],
];
const zstd = '/usr/lib/x86_64-linux-gnu/libzstd.a';

export interface LauncherFiles {
  /** The static program that the payload is appended to. */
  readonly launcher: string;
  /** `k3c __child` as a program of its own. */
  readonly child: string;
  /** Reads and writes files of containers and users as tar. */
  readonly files: string;
}

/** Compiles src/launcher where it changed. */
export async function buildLauncher(): Promise<LauncherFiles> {
  const folder = join(sources, 'launcher');
  const out = join(dist, 'launcher');
  const files = { launcher: join(out, 'launcher'), child: join(out, 'k3c-child'), files: join(out, 'k3c-files') };
  const texts = readdirSync(folder)
    .filter((name) => /\.[ch]$/.test(name))
    .sort()
    .map((name) => readFileSync(join(folder, name)));
  const inputs = digestOf(JSON.stringify([flags, launcherSources, childSources, fileSources]), ...texts);
  const compile = (output: string, names: readonly string[], libraries: readonly string[]): void => {
    mkdirSync(out, { recursive: true });
    const inputFiles = names.map((name) => join(folder, `${name}.c`));
    execFileSync('musl-gcc', [...flags, '-o', output, ...inputFiles, ...libraries], { stdio: 'inherit' });
  };
  await madeFrom(files.child, inputs, () => compile(files.child, childSources, []));
  await madeFrom(files.files, inputs, () => compile(files.files, fileSources, []));
  await madeFrom(files.launcher, inputs, () => compile(files.launcher, launcherSources, [zstd]));
  return files;
}
