/** Caches in a directory of the client: `type=local` of --cache-from and --cache-to. */
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Code, K3cError, toK3cError } from '../../../api/errors.ts';
import type { CacheLock } from '../content/cache-lock.ts';
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
  /** Records in the indexes what was written, and removes what `reset` asks for. */
  finish(response: ExporterResponse, onNotice: (text: string) => void): Promise<void>;
  /** Lets go of the caches, whether the build succeeded or not. */
  close(): Promise<void>;
}

/** A cache that this build writes. */
interface WrittenCache {
  readonly directory: string;
  readonly layout: ImageLayout;
  readonly lock: CacheLock;
  readonly tag: string;
  readonly reset: boolean;
}

async function openCache(directory: string): Promise<Pick<WrittenCache, 'directory' | 'layout' | 'lock'>> {
  const { ImageLayout: Layout } = await import('../content/layout.ts');
  const { CacheLock: Lock } = await import('../content/cache-lock.ts');
  const lock = new Lock(directory);
  return { directory, lock, layout: new Layout(directory, lock) };
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
  const written: WrittenCache[] = [];
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
    const directory = resolve(host.cwd, entry.attributes['dest'] ?? '');
    await mkdir(directory, { recursive: true });
    const cache = written.find((each) => each.directory === directory) ?? (await openCache(directory));
    layouts.set(`local:${directory}`, cache.layout);
    written.push({ ...cache, tag: entry.attributes['tag'] ?? DEFAULT_TAG, reset: isReset(entry) });
    exports.push({ type: 'local', attributes: { ...entry.attributes, dest: directory } });
  }
  return {
    imports,
    exports,
    layouts,
    skipped,
    async finish(response, onNotice) {
      const manifest = response['cache.manifest'];
      if (manifest === undefined) return;
      const descriptor = JSON.parse(manifest) as Descriptor;
      for (const { layout, tag } of written) await layout.put(descriptor, [{ tag }]);
      for (const cache of written.filter(({ reset }) => reset)) await resetCache(cache, onNotice);
    },
    async close() {
      for (const { lock } of written) await lock.release();
    },
  };
}

/** Go's strconv.ParseBool, as BuildKit's clients read it. */
function isReset({ attributes: { reset } }: TypedAttributes): boolean {
  if (reset === undefined || /^(?:0|f|F|FALSE|false|False)$/.test(reset)) return false;
  if (/^(?:1|t|T|TRUE|true|True)$/.test(reset)) return true;
  throw new K3cError(Code.INVALID_ARGUMENT, `--cache-to reset=${reset} is neither true nor false`);
}

/** Removes the blobs that no entry of the index needs any more. That it cannot be done fails no build. */
async function resetCache({ layout, lock, directory }: WrittenCache, onNotice: (text: string) => void): Promise<void> {
  const unchanged = (why: string) => onNotice(`WARNING: local cache at ${directory} not reset: ${why}`);
  if (!(await lock.takeAlone())) {
    unchanged('it is in use');
    return;
  }
  try {
    await layout.keepOnly(await layout.reachable());
  } catch (error) {
    unchanged(toK3cError(error).message);
  }
}

function check({ type, attributes }: TypedAttributes, flag: string, path: string): void {
  if (type === 'local' && !attributes[path]) {
    throw new K3cError(Code.INVALID_ARGUMENT, `${flag} type=local needs ${path}=DIRECTORY`);
  }
  if (type === 'registry' && !attributes['ref']) {
    throw new K3cError(Code.INVALID_ARGUMENT, `${flag} type=registry needs ref=IMAGE`);
  }
}
