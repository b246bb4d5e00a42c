/** Makes dist/k3c from the bundle, the engine's binaries and Node: the steps are in scripts/package. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleProgram } from './package/bundle.ts';
import { writeWhole } from './package/cached.ts';
import { sweepCache } from './package/compress.ts';
import { engineAssets } from './package/engine.ts';
import { buildExecutable, strippedNode } from './package/executable.ts';
import { buildLauncher } from './package/launcher.ts';
import { collectLibraries } from './package/libraries.ts';
import { type PayloadFile, packPayload } from './package/payload.ts';
import { dist, sqliteAddon } from './package/places.ts';
import { cutExecutable } from './package/segments.ts';

const largest = 80 * 1000 * 1000;
const program = 0o555;

let since = Date.now();
function lap(step: string): void {
  console.log(`package: ${step} ${((Date.now() - since) / 1000).toFixed(1)} s`);
  since = Date.now();
}

const bundle = await bundleProgram(process.argv[2]);
const assets = engineAssets();
const launcher = await buildLauncher();
const libraries = await collectLibraries();
lap('bundle, launcher, libraries');
const executable = await buildExecutable(bundle, assets);
lap('executable');

const app = readFileSync(executable);
const engine = Object.values(assets).map((path) => readFileSync(path));
const files: PayloadFile[] = [
  {
    name: 'k3c',
    mode: program,
    content: app,
    segments: cutExecutable(app, readFileSync(await strippedNode()), engine),
  },
  { name: 'k3c-child', mode: program, content: readFileSync(launcher.child) },
  { name: 'k3c-files', mode: program, content: readFileSync(launcher.files) },
  { name: 'better_sqlite3.node', mode: program, content: readFileSync(sqliteAddon) },
  ...[...libraries].map(([name, path]) => ({ name, mode: program, content: readFileSync(path) })),
];
const { packed, digest } = await packPayload(readFileSync(launcher.launcher), files);
const output = join(dist, 'k3c');
writeWhole(output, packed, 0o755);
// What scripts/install.sh checks a download against.
writeWhole(`${output}.sha256`, `${createHash('sha256').update(packed).digest('hex')}  k3c\n`);
lap('compress');
sweepCache();
console.log(`package: ${output} ${(packed.length / 1e6).toFixed(1)} MB, payload ${digest}`);
if (packed.length > largest) throw new Error(`dist/k3c is larger than ${largest / 1e6} MB`);
