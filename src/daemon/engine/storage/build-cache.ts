/** BuildKit's cache: its records, and their end. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { UsageRecord } from '../../../api/gen/github.com/moby/buildkit/api/services/control/control.ts';
import type { BuildCacheCalls } from '../../backends/buildkitd.ts';
import type { Containerd } from '../../backends/containerd.ts';
import { collectGarbage } from '../../backends/leases.ts';
import { parseUntil } from '../filter-times.ts';

export type BuildCacheRecord = UsageRecord;
type Filters = Readonly<Record<string, readonly string[]>>;

export interface PruneBuildCacheOptions {
  /** Also what images have, and what BuildKit made for itself. */
  readonly all: boolean;
  readonly filters: Filters;
  /** Bytes of cache that may stay; the oldest goes first. 0: none. */
  readonly keepBytes: bigint;
  readonly signal?: AbortSignal | undefined;
}

export interface PrunedBuildCache {
  readonly deleted: readonly BuildCacheRecord[];
  /** Bytes, as BuildKit counts them. */
  readonly reclaimed: bigint;
}

/** Throws INVALID_ARGUMENT for a bad filter. */
export async function buildCache(
  { control }: BuildCacheCalls,
  filters: Filters,
  signal?: AbortSignal,
): Promise<readonly BuildCacheRecord[]> {
  const { filter, ageNanos } = toBuildkit(filters, Date.now());
  const { record } = await control.diskUsage({ filter, ageLimit: ageNanos }, { signal });
  return record;
}

/** What was removed is freed when this returns. Throws INVALID_ARGUMENT for a bad filter. */
export async function pruneBuildCache(
  backends: { readonly buildkitd: BuildCacheCalls; readonly containerd: Pick<Containerd, 'leases'> },
  options: PruneBuildCacheOptions,
): Promise<PrunedBuildCache> {
  const { filter, ageNanos } = toBuildkit(options.filters, Date.now());
  const deleted: BuildCacheRecord[] = [];
  let reclaimed = 0n;
  const records = backends.buildkitd.control.prune(
    { filter, all: options.all, keepDuration: ageNanos, reservedSpace: options.keepBytes },
    { signal: options.signal },
  );
  for await (const record of records) {
    deleted.push(record);
    reclaimed += record.Size;
  }
  if (deleted.length > 0) await collectGarbage(backends.containerd.leases);
  return { deleted, reclaimed };
}

/** What a filter that is true or false is called when it is false; BuildKit has no negation of them. */
const opposites: Readonly<Record<string, string | undefined>> = {
  shared: 'private',
  private: 'shared',
  mutable: 'immutable',
  immutable: 'mutable',
  inuse: undefined,
};
const TEXTS = ['id', 'type', 'parents', 'description'];

/**
 * docker's filters as BuildKit has them: all in one expression, since its list of expressions is of alternatives.
 *
 * @param now milliseconds since the epoch
 */
export function toBuildkit(filters: Filters, now: number): { readonly filter: string[]; readonly ageNanos: bigint } {
  const terms: string[] = [];
  let ageNanos = 0n;
  for (const [name, values] of Object.entries(filters)) {
    const [value, another] = values;
    if (value === undefined) continue;
    if (another !== undefined) throw refused(`"${name}" filter expects only one value`);
    if (name === 'until') {
      const age = BigInt(now) * 1_000_000n - parseUntil(value);
      // 0 stands for no limit.
      ageNanos = age > 1n ? age : 1n;
    } else if (Object.hasOwn(opposites, name)) terms.push(booleanTerm(name, value));
    else if (TEXTS.includes(name)) terms.push(`${name}${name === 'id' ? '~=' : '=='}${JSON.stringify(value)}`);
    else throw refused(`invalid filter '${name}'`);
  }
  return { filter: terms.length === 0 ? [] : [terms.join(',')], ageNanos };
}

function booleanTerm(name: string, value: string): string {
  if (['', '1', 'true'].includes(value)) return name;
  const opposite = ['0', 'false'].includes(value) ? opposites[name] : undefined;
  if (opposite === undefined) throw refused(`invalid filter '${name}=${value}'`);
  return opposite;
}

function refused(message: string): K3cError {
  return new K3cError(Code.INVALID_ARGUMENT, message, {
    reason: 'bad-input',
    hint: `the build cache can be filtered by until, ${[...TEXTS, ...Object.keys(opposites)].join(', ')}`,
  });
}
