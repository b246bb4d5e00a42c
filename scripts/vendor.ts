/**
 * Builds the engine into vendor-bin/bin and the test clients into vendor-bin/bin/test, static, from the Go modules pinned
 * in vendor-bin/PART. A target is rebuilt only when its inputs changed: the stamp beside it holds their digest.
 * `vendor.ts --engine` leaves the test clients out.
 */
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const vendor = join(import.meta.dirname, '../vendor-bin');
const launcher = join(import.meta.dirname, '../src/launcher');

interface Target {
  /** Path under vendor-bin/bin. */
  readonly out: string;
  /** The files that decide what comes out. */
  readonly inputs: readonly string[];
  /** The command line, without the output path. */
  readonly recipe: readonly string[];
  readonly build: (out: string) => Promise<unknown>;
}

const containerdTags = ['-tags=no_btrfs,no_devmapper,no_zfs'];

function go(
  out: string,
  part: string,
  pkg: string,
  options: { tags?: readonly string[]; cgo?: boolean; ldflags?: string } = {},
): Target {
  // A file of ours is built within the module of a part, from the packages pinned there.
  const own = pkg.endsWith('.go') ? [join(vendor, part, pkg)] : [];
  const args = [
    'build',
    '-trimpath',
    '-mod=readonly',
    ...(options.tags ?? []),
    '-ldflags',
    `-s -w ${options.ldflags ?? ''}`,
  ];
  return {
    out,
    inputs: [join(vendor, part, 'go.mod'), join(vendor, part, 'go.sum'), ...own],
    recipe: ['go', ...args, pkg, String(options.cgo === true)],
    build: (to) =>
      run('go', [...args, '-o', to, pkg], {
        cwd: join(vendor, part),
        env: { ...process.env, CGO_ENABLED: options.cgo === true ? '1' : '0', GOFLAGS: '' },
        maxBuffer: 64 << 20,
      }),
  };
}

/** A static C program of ours from the sources in src/launcher. */
function c(out: string, ...sources: readonly string[]): Target {
  const paths = sources.map((source) => join(launcher, source));
  const args = [
    ...['-static', '-Os', '-s', '-Wall', '-Wextra', '-Werror'],
    ...['-idirafter', '/usr/include', '-idirafter', '/usr/include/x86_64-linux-gnu'],
  ];
  return {
    out,
    inputs: [...paths, join(launcher, 'launcher.h')],
    recipe: ['musl-gcc', ...args],
    build: (to) => run('musl-gcc', [...args, '-o', to, ...paths]),
  };
}

const engine: readonly Target[] = [
  go('containerd', 'containerd', 'github.com/containerd/containerd/v2/cmd/containerd', {
    tags: containerdTags,
    ldflags: versionFlag('containerd', 'github.com/containerd/containerd/v2/version.Version'),
  }),
  go('buildkitd', 'buildkit', 'github.com/moby/buildkit/cmd/buildkitd', {
    ldflags: versionFlag('buildkit', 'github.com/moby/buildkit/version.Version'),
  }),
  go('containerd-shim-runc-v2', 'containerd', 'github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2', {
    tags: containerdTags,
  }),
  go('runc', 'runc', 'github.com/opencontainers/runc', {
    tags: ['-tags=seccomp'],
    cgo: true,
    ldflags: '-extldflags -static',
  }),
  c('pause', 'pause.c'),
  c('init', 'init.c'),
  c('k3c-cni', 'cni.c'),
];

const clients: readonly Target[] = [
  go('test/ctr', 'containerd', 'github.com/containerd/containerd/v2/cmd/ctr', { tags: containerdTags }),
  go('test/buildctl', 'buildkit', 'github.com/moby/buildkit/cmd/buildctl'),
  go('test/buildx', 'buildx', 'github.com/docker/buildx/cmd/buildx'),
  go('test/one-channel', 'buildkit', '../../test/support/one-channel.go'),
  go('test/bridge', 'cni', 'github.com/containernetworking/plugins/plugins/main/bridge'),
  go('test/host-local', 'cni', 'github.com/containernetworking/plugins/plugins/ipam/host-local'),
  c('test/nlx', 'nlx.c', 'netlink.c'),
];

/** The linker flag that tells a part its own version, as upstream's release builds do. */
function versionFlag(part: string, variable: string): string {
  const manifest = JSON.parse(readFileSync(join(vendor, 'manifest.json'), 'utf8')) as Record<
    string,
    { version: string }
  >;
  return `-X ${variable}=${manifest[part]?.version ?? ''}`;
}

/** The manifest names versions for people and for `k3c version`; go.mod decides what is built. They must agree. */
function checkManifest(): void {
  const manifest = JSON.parse(readFileSync(join(vendor, 'manifest.json'), 'utf8')) as Record<
    string,
    { module: string; version: string }
  >;
  for (const [part, { module, version }] of Object.entries(manifest)) {
    const mod = readFileSync(join(vendor, part, 'go.mod'), 'utf8');
    if (!mod.includes(`${module} ${version}`))
      throw new Error(`vendor-bin/manifest.json says ${module} ${version}, vendor-bin/${part}/go.mod does not`);
  }
}

function digestOf(target: Target, toolchain: string): string {
  const hash = createHash('sha256').update(toolchain).update(JSON.stringify(target.recipe));
  for (const input of target.inputs) hash.update(basename(input)).update(readFileSync(input));
  return hash.digest('hex');
}

async function build(target: Target, toolchain: string): Promise<void> {
  const out = join(vendor, 'bin', target.out);
  const stamp = join(vendor, 'bin/.stamps', target.out.replace('/', '-'));
  const digest = digestOf(target, toolchain);
  if (existsSync(out) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return;
  mkdirSync(dirname(out), { recursive: true });
  mkdirSync(dirname(stamp), { recursive: true });
  const started = performance.now();
  await target.build(`${out}.new`);
  renameSync(`${out}.new`, out);
  writeFileSync(stamp, digest);
  console.log(`vendor: ${target.out} built in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** What an earlier tree built is no part of the engine any more: the package takes all that lies there. */
function removeFormer(): void {
  const wanted = new Set(engine.map(({ out }) => out));
  const directory = join(vendor, 'bin');
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isFile() && !wanted.has(entry.name)) rmSync(join(directory, entry.name));
}

checkManifest();
removeFormer();
const toolchain = execFileSync('go', ['version'], { encoding: 'utf8' });
const queue = [...engine, ...(process.argv.includes('--engine') ? [] : clients)];
// Two at a time: go itself uses all cores, but linking, module loading and C compilation leave some idle.
const worker = async () => {
  for (let target = queue.shift(); target !== undefined; target = queue.shift()) await build(target, toolchain);
};
await Promise.all([worker(), worker()]);
console.log('vendor: engine and test clients are up to date');
