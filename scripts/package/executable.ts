import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { digestOf, madeFrom } from './cached.ts';
import { dist, node, root } from './places.ts';

/** What we use of pkg's own single-executable step; it is not part of the package's documented entry. */
interface PkgSea {
  default(entry: string, options: PkgSeaOptions): Promise<void>;
}
interface PkgSeaOptions {
  readonly targets: readonly { nodeRange: string; platform: string; arch: string; output: string }[];
  readonly nodePath: string;
  readonly seaConfig: {
    readonly useCodeCache: boolean;
    readonly execArgv: readonly string[];
    readonly execArgvExtension: 'none';
    readonly assets: Readonly<Record<string, string>>;
  };
}

/** Node without symbols: 116 MB instead of 150. Must come before the injection: stripping its result breaks it. */
export async function strippedNode(): Promise<string> {
  const output = join(dist, 'node/node');
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' });
  await madeFrom(output, digestOf(version), () => {
    mkdirSync(join(dist, 'node'), { recursive: true });
    execFileSync('strip', ['-o', output, node]);
  });
  return output;
}

/** That a part of Node is experimental is our decision and not the user's concern. */
const nodeOptions = ['--disable-warning=ExperimentalWarning'];

/**
 * Compiles the bundle and the assets into one executable with pkg, and lets it find its libraries beside itself.
 * patchelf must come last: an executable that it has changed breaks in the injection.
 */
export async function buildExecutable(bundle: string, assets: Readonly<Record<string, string>>): Promise<string> {
  const output = join(dist, 'app/k3c');
  const nodePath = await strippedNode();
  const require = createRequire(join(root, 'package.json'));
  const { version } = require('@yao-pkg/pkg/package.json') as { version: string };
  // engine.json among the assets stands for the engine's binaries: it has their digests.
  const contents = ['engine.json', 'manifest.json'].map((name) => readFileSync(assets[name] ?? ''));
  const inputs = digestOf(version, nodeOptions.join(' '), readFileSync(nodePath), readFileSync(bundle), ...contents);
  await madeFrom(output, inputs, async () => {
    rmSync(output, { force: true });
    const pkg = require('@yao-pkg/pkg/lib-es5/sea') as PkgSea;
    await pkg.default(bundle, {
      targets: [{ nodeRange: 'node26', platform: 'linux', arch: 'x64', output }],
      nodePath,
      // Without `execArgvExtension`, NODE_OPTIONS of the user's own Node work would change k3c.
      seaConfig: { useCodeCache: true, execArgv: nodeOptions, execArgvExtension: 'none', assets },
    });
    execFileSync('patchelf', ['--force-rpath', '--set-rpath', '$ORIGIN', output]);
  });
  return output;
}
