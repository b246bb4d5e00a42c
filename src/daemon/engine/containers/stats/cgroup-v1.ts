/** Counters out of cgroups v1 (Linux, Documentation/admin-guide/cgroup-v1). */
import { join } from 'node:path';
import { type Counters, keyedValue, readCounter, withoutCache } from './counters.ts';

/** Directories of one container's groups, by controller. */
export type V1Groups = Readonly<Partial<Record<V1Controller, string>>>;
export type V1Controller = 'cpuacct' | 'memory' | 'blkio' | 'pids';

export const V1_CONTROLLERS: readonly V1Controller[] = ['cpuacct', 'memory', 'blkio', 'pids'];

export async function readV1(groups: V1Groups): Promise<Counters> {
  const read = (controller: V1Controller, file: string) => {
    const directory = groups[controller];
    return directory === undefined ? Promise.resolve('') : readCounter(join(directory, file));
  };
  const [cpu, usage, stat, limit, block, pids] = await Promise.all([
    read('cpuacct', 'cpuacct.usage'),
    read('memory', 'memory.usage_in_bytes'),
    read('memory', 'memory.stat'),
    read('memory', 'memory.limit_in_bytes'),
    read('blkio', 'blkio.throttle.io_service_bytes_recursive'),
    read('pids', 'pids.current'),
  ]);
  return {
    cpuNanos: Number(cpu),
    memoryUsage: withoutCache(Number(usage), keyedValue(stat, 'total_inactive_file')),
    memoryLimit: limit === '' ? Number.POSITIVE_INFINITY : Number(limit),
    ...blockBytes(block),
    pids: Number(pids),
  };
}

/** Lines `8:0 Read 4096`, and `Total 4096` last. */
function blockBytes(text: string): { blockRead: number; blockWritten: number } {
  let blockRead = 0;
  let blockWritten = 0;
  for (const line of text.split('\n')) {
    const [, operation, bytes] = line.split(' ');
    if (operation === 'Read') blockRead += Number(bytes);
    else if (operation === 'Write') blockWritten += Number(bytes);
  }
  return { blockRead, blockWritten };
}
