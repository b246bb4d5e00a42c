/** The prunes as acts: what each removes, in docker's words; `system prune` does them one after the other. */
import { Code, hasCode } from '../api/errors.ts';
import type { CommandContext } from './context.ts';
import { type FilterPairs, timeBefore, toFiltersAt } from './flags/prune-filters.ts';
import { toFilters } from './flags/words.ts';
import { humanSize } from './output/units.ts';

export interface PruneFlags {
  readonly all?: boolean;
  readonly force?: boolean;
  readonly filter?: FilterPairs;
}

export interface PruneResult {
  /** A heading with the lines below it; empty when nothing was removed. */
  readonly report: string;
  /** Bytes; absent: it is not about space. */
  readonly reclaimed?: bigint;
}

type Act = (context: CommandContext, flags: PruneFlags) => Promise<PruneResult>;

export const pruneContainers: Act = async (context, flags) => {
  const { containers } = await context.client();
  const filters = toFiltersAt(flags.filter ?? [], Date.now());
  const { deleted, reclaimed } = await containers.prune({ filters }, { signal: context.signal });
  return { report: under('Deleted Containers:', deleted), reclaimed };
};

export const pruneImages: Act = async (context, flags) => {
  const { images } = await context.client();
  const request = { all: flags.all === true, filters: toFiltersAt(flags.filter ?? [], Date.now()) };
  const { untagged, deleted, reclaimed } = await images.prune(request, { signal: context.signal });
  const lines = [...untagged.map((name) => `untagged: ${name}`), ...deleted.map((id) => `deleted: ${id}`)];
  return { report: under('Deleted Images:', lines), reclaimed };
};

export const pruneNetworks: Act = async (context, flags) => {
  const { networks } = await context.client();
  const filters = toFiltersAt(flags.filter ?? [], Date.now());
  const { deleted } = await networks.prune({ filters }, { signal: context.signal });
  return { report: under('Deleted Networks:', deleted) };
};

export const pruneVolumes: Act = async (context, flags) => {
  const { volumes } = await context.client();
  const request = { all: flags.all === true, filters: toFiltersAt(flags.filter ?? [], Date.now()) };
  const { deleted, reclaimed } = await volumes.prune(request, { signal: context.signal });
  return { report: under('Deleted Volumes:', deleted), reclaimed };
};

/** Those that do not run, with their containers; by names. */
export const prunePods: Act = async (context, { filter = [] }) => {
  const { pods } = await context.client();
  const { signal } = context;
  const limits = filter.filter(([name]) => name === 'until').map(([, text]) => timeBefore(text, Date.now()));
  const filters = toFilters(filter.filter(([name]) => name !== 'until'));
  const listed = await pods.list({ filters, all: false }, { signal });
  const idle = listed.pods.filter(
    ({ state, createdAt }) => !['running', 'degraded'].includes(state) && limits.every((limit) => createdAt < limit),
  );
  const deleted: string[] = [];
  for (const { id, name } of idle) {
    try {
      await pods.remove({ pod: id, force: false }, { signal });
      deleted.push(name);
    } catch (error) {
      // Started meanwhile, or removed by somebody else.
      if (!hasCode(error, Code.FAILED_PRECONDITION, Code.NOT_FOUND)) throw error;
    }
  }
  return { report: under('Deleted Pods:', deleted) };
};

/** @param keepStorage bytes that may stay; 0: none */
export async function pruneBuildCache(
  context: CommandContext,
  flags: PruneFlags,
  keepStorage = 0n,
): Promise<PruneResult> {
  const { system } = await context.client();
  const filters = toFiltersAt(flags.filter ?? [], Date.now());
  const request = { all: flags.all === true, filters, keepStorage };
  const { deleted, reclaimed } = await system.pruneBuildCache(request, { signal: context.signal });
  const ids = deleted.map(({ id }) => id);
  return { report: under('Deleted build cache objects:', ids), reclaimed };
}

/** Prints what one prune did, and the total where there is one. */
export function printPruned(context: CommandContext, { report, reclaimed }: PruneResult): void {
  if (report !== '') context.stdout.write(`${report}\n`);
  if (reclaimed !== undefined) context.stdout.write(`Total reclaimed space: ${humanSize(reclaimed)}\n`);
}

function under(heading: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${[heading, ...lines].join('\n')}\n`;
}
