/** Caches in a directory of the client: `type=local` of --cache-from and --cache-to. */
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Code, K3cError } from '../../../api/errors.ts';
import type { Descriptor, ImageLayout } from '../content/layout.ts';
import type { ExporterResponse, TypedAttributes } from '../solve.ts';
import type { BuildHost, BuildOptions } from './options.ts';

const DEFAULT_TAG = 'latest';

export interface PreparedCaches {
  readonly imports: readonly TypedAttributes[];
  readonly exports: readonly TypedAttributes[];
  /** Layouts to serve, by the id the daemon uses. */
  readonly layouts: Map<string, ImageLayout>;
  /** Caches that could not be read and are left out. */
  readonly skipped: readonly string[];
  /** Records in the indexes what was written. */
  finish(response: ExporterResponse): Promise<void>;
}

/** Loaded only when needed: it brings node:crypto with it. */
async function openLayout(directory: string): Promise<ImageLayout> {
  const { ImageLayout: Layout } = await import('../content/layout.ts');
  return new Layout(directory);
}

/** Resolves local caches. One to read that is not there yet is left out, as docker does: the first build fills it. */
export async function prepareCaches(options: BuildOptions, host: BuildHost): Promise<PreparedCaches> {
  const layouts = new Map<string, ImageLayout>();
  const skipped: string[] = [];
  const written: { readonly layout: ImageLayout; readonly tag: string }[] = [];
  const imports: TypedAttributes[] = [];
  for (const entry of options.cacheFrom) {
    check(entry, '--cache-from', 'src');
    if (entry.type !== 'local') {
      imports.push(entry);
      continue;
    }
    const directory = resolve(host.cwd, entry.attributes['src'] ?? '');
    const layout = await openLayout(directory);
    const digest = entry.attributes['digest'] ?? (await layout.find(entry.attributes['tag'] ?? DEFAULT_TAG))?.digest;
    if (digest === undefined || (await layout.info(digest)) === undefined) {
      skipped.push(directory);
      continue;
    }
    layouts.set(`local:${directory}`, layout);
    imports.push({ type: 'local', attributes: { ...entry.attributes, src: directory, digest } });
  }
  const exports: TypedAttributes[] = [];
  for (const entry of options.cacheTo) {
    check(entry, '--cache-to', 'dest');
    if (entry.type !== 'local') {
      exports.push(entry);
      continue;
    }
    if (entry.attributes['reset'] !== undefined) {
      throw new K3cError(Code.UNIMPLEMENTED, 'k3c does not clean a local cache (reset)', {
        hint: 'remove its directory',
      });
    }
    const directory = resolve(host.cwd, entry.attributes['dest'] ?? '');
    await mkdir(directory, { recursive: true });
    const layout = layouts.get(`local:${directory}`) ?? (await openLayout(directory));
    layouts.set(`local:${directory}`, layout);
    written.push({ layout, tag: entry.attributes['tag'] ?? DEFAULT_TAG });
    exports.push({ type: 'local', attributes: { ...entry.attributes, dest: directory } });
  }
  return {
    imports,
    exports,
    layouts,
    skipped,
    async finish(response) {
      const manifest = response['cache.manifest'];
      if (manifest === undefined) return;
      const descriptor = JSON.parse(manifest) as Descriptor;
      for (const { layout, tag } of written) await layout.put(descriptor, [{ tag }]);
    },
  };
}

function check({ type, attributes }: TypedAttributes, flag: string, path: string): void {
  if (type === 'local' && !attributes[path]) {
    throw new K3cError(Code.INVALID_ARGUMENT, `${flag} type=local needs ${path}=DIRECTORY`);
  }
  if (type === 'registry' && !attributes['ref']) {
    throw new K3cError(Code.INVALID_ARGUMENT, `${flag} type=registry needs ref=IMAGE`);
  }
}
