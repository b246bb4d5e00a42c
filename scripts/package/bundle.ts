import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { dist, root, sources } from './places.ts';

/** The commit that is built, as `git describe` shortens it, with a mark when the tree differs; `unknown` outside git. */
function commit(): string {
  try {
    const describe = ['describe', '--always', '--dirty', '--abbrev=7', '--match='];
    return execFileSync('git', describe, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    // No git, or a source archive: the build says so instead of failing.
    return 'unknown';
  }
}

/**
 * Bundles src/main.ts with everything it imports into one CommonJS file, the only form a single executable runs.
 * Dynamic imports stay lazy inside it: their modules are wrapped in functions that run at the first import.
 */
export async function bundleProgram(entry = join(sources, 'main.ts')): Promise<string> {
  const outfile = join(dist, 'bundle/main.cjs');
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node26',
    format: 'cjs',
    // Whitespace alone is half the size; names and structure stay readable in stack traces.
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'warning',
    // In the executable nothing lies beside the program: what import.meta would tell is asked of src/bundle instead.
    logOverride: { 'empty-import-meta': 'silent' },
    define: { 'process.env.NODE_ENV': '"production"', K3C_BUILD_COMMIT: JSON.stringify(commit()) },
    metafile: true,
  });
  const modules = Object.keys(result.metafile.inputs).length;
  console.log(`bundle: ${modules} modules, ${Math.round(statSync(outfile).size / 1024)} kB`);
  return outfile;
}
