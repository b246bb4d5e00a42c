/**
 * All of `npm run build`: generated types, the engine, dist/k3c. Each step does only what its changed inputs ask for. One
 * build at a time: a second one waits, and finds the work done.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const dist = join(import.meta.dirname, '../dist');
mkdirSync(dist, { recursive: true });
for (const step of ['gen', 'vendor', 'package']) {
  // flock(1), since Node has none: the kernel gives the lock back when a build is killed.
  const command = [join(dist, '.build-lock'), process.execPath, join(import.meta.dirname, `${step}.ts`)];
  const { status, error } = spawnSync('flock', command, { stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
