import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { digestOf, madeFrom } from './cached.ts';
import { dist, node } from './places.ts';

/**
 * The C library and its companions that Node is linked to, taken from this machine and stripped: paths by file name.
 * They are the oldest that any user's kernel must bear; nothing of the user's own C library is used.
 */
export async function collectLibraries(): Promise<ReadonlyMap<string, string>> {
  const listing = execFileSync('ldd', [node], { encoding: 'utf8' });
  const found = new Map<string, string>();
  for (const [, path] of listing.matchAll(/(\/\S+) \(0x/g)) if (path !== undefined) found.set(basename(path), path);
  const out = join(dist, 'libraries');
  const stripped = new Map<string, string>();
  for (const [name, path] of found) {
    const target = join(out, name);
    const real = realpathSync(path);
    await madeFrom(target, digestOf(real, execFileSync('sha256sum', [real])), () => {
      mkdirSync(out, { recursive: true });
      copyFileSync(real, target);
      execFileSync('strip', ['--strip-unneeded', target]);
    });
    stripped.set(name, target);
  }
  return stripped;
}
