/**
 * The main job before your eyes: builds dist/k3c, starts a daemon with a root of its own, builds an image, runs it with a
 * published port, fetches the page, and takes everything down again.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const project = join(import.meta.dirname, '..');
const k3c = join(project, 'dist/k3c');
const work = mkdtempSync(join(tmpdir(), 'k3c-start-'));
const bridge = `k3c${createHash('sha256').update(work).digest('hex').slice(0, 8)}`;
const environment = { ...process.env, K3C_ADDRESS: join(work, 'run/k3c.sock') };

/** Says what is done and does it; the command's own output is shown. Throws when it fails. */
function show(...args: string[]): void {
  console.log(`\n$ k3c ${args.join(' ')}`);
  const { status } = spawnSync(k3c, args, { stdio: ['ignore', 'inherit', 'inherit'], env: environment });
  if (status !== 0) throw new Error(`k3c ${args[0]} ended with ${status}`);
}

/**
 * A Debian root file system as tar, made by debootstrap from the machine's own mirror and kept in dist/cache. Undefined
 * when there is no mirror to be reached.
 */
function debianRootfs(): string | undefined {
  const cached = join(project, 'dist/cache/debian-bookworm.tar');
  if (existsSync(cached)) return cached;
  console.log('\nMaking a Debian base image with debootstrap (half a minute, once)');
  const root = join(work, 'rootfs');
  const made = spawnSync('debootstrap', ['--variant=minbase', '--include=ca-certificates', 'bookworm', root], {
    stdio: 'ignore',
  });
  if (made.status !== 0) return undefined;
  mkdirSync(join(project, 'dist/cache'), { recursive: true });
  const tar = spawnSync(
    'tar',
    ['-C', root, '--numeric-owner', '--exclude=./var/cache/apt/archives/*.deb', '-cf', `${cached}.new`, '.'],
    { stdio: 'inherit' },
  );
  rmSync(root, { recursive: true, force: true });
  if (tar.status !== 0) return undefined;
  renameSync(`${cached}.new`, cached);
  return cached;
}

/** The directory to build: the Debian example, or the one that needs no package mirror. */
function chooseExample(): string {
  const rootfs = debianRootfs();
  if (rootfs !== undefined) {
    show('import', rootfs, 'debian:bookworm');
    return join(project, 'examples/web');
  }
  console.log('\nNo package mirror here: taking the example that needs none');
  return selfContained();
}

function selfContained(): string {
  const context = join(work, 'hello');
  cpSync(join(project, 'examples/hello'), context, { recursive: true });
  copyFileSync('/bin/busybox', join(context, 'busybox'));
  return context;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function fetchPage(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.once('end', () =>
        response.statusCode === 200 ? resolve(body) : reject(new Error(`${url} answered ${response.statusCode}`)),
      );
    }).once('error', reject);
  });
}

/** Fetches until the server inside has started to listen. */
async function fetchWhenUp(url: string): Promise<string> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await fetchPage(url);
    } catch (error) {
      if (attempt === 100) throw error;
      await sleep(50);
    }
  }
}

async function mainJob(): Promise<void> {
  let context = chooseExample();
  try {
    show('build', '-t', 'web', context);
  } catch (error) {
    if (!context.endsWith('examples/web')) throw error;
    console.log('\nThat build needs a package mirror; taking the example that needs none');
    context = selfContained();
    show('build', '-t', 'web', context);
  }
  const port = await freePort();
  show('run', '-d', '--name', 'web', '-p', `127.0.0.1:${port}:80`, 'web');
  show('ps');
  const url = `http://127.0.0.1:${port}/`;
  console.log(`\n$ fetch ${url}`);
  console.log((await fetchWhenUp(url)).trimEnd());
  show('logs', 'web');
  show('images');
  show('rm', '-f', 'web');
}

const built = spawnSync(process.execPath, [join(project, 'scripts/build.ts')], { stdio: 'inherit' });
if (built.status !== 0) process.exit(1);

console.log(`\n$ k3c daemon --root ${work}/lib --state ${work}/run --bridge-name ${bridge}`);
const daemon = spawn(
  k3c,
  ['daemon', '--root', `${work}/lib`, '--state', `${work}/run`, '--bridge-name', bridge, '--log-format', 'text'],
  {
    stdio: 'inherit',
  },
);
const gone = new Promise<number | null>((resolve) => daemon.once('exit', resolve));
let failure: unknown;
try {
  for (let attempt = 0; spawnSync(k3c, ['version'], { stdio: 'ignore', env: environment }).status !== 0; attempt += 1) {
    if (daemon.exitCode !== null || attempt > 300) throw new Error('the daemon did not come up');
    await sleep(100);
  }
  show('version');
  await mainJob();
} catch (error) {
  failure = error;
  // Containers outlive the daemon, and their files go below.
  spawnSync(k3c, ['rm', '-f', 'web'], { stdio: 'ignore', env: environment });
}
daemon.kill('SIGTERM');
await gone;
rmSync(work, { recursive: true, force: true });
if (failure !== undefined) {
  console.error(`\nstart: ${failure instanceof Error ? failure.message : String(failure)}`);
  process.exit(1);
}
console.log('\nDone: built, run, fetched, taken down.');
