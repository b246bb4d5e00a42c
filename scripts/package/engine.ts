import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from './cached.ts';
import { dist, engineBinaries, root } from './places.ts';

/**
 * The engine as assets of the executable: `engine/NAME` for each binary in vendor-bin/bin, `engine.json` that lists
 * them with size and SHA-256, and `manifest.json` with versions and licences.
 */
export function engineAssets(): Record<string, string> {
  const names = readdirSync(engineBinaries, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort();
  const files = names.map((name) => {
    const content = readFileSync(join(engineBinaries, name));
    return { name, size: content.length, sha256: createHash('sha256').update(content).digest('hex') };
  });
  const digest = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 32);
  const list = join(dist, 'bundle/engine.json');
  writeWhole(list, `${JSON.stringify({ digest, files }, null, 2)}\n`);
  const assets: Record<string, string> = { 'engine.json': list };
  for (const name of names) assets[`engine/${name}`] = join(engineBinaries, name);
  assets['manifest.json'] = join(root, 'vendor-bin/manifest.json');
  return assets;
}
