/** Counters out of a cgroup v2 (Linux, Documentation/admin-guide/cgroup-v2.rst). */
import { join } from 'node:path';
import { type Counters, keyedValue, readCounter, withoutCache } from './counters.ts';

/** @param group the directory of the container's group */
export async function readV2(group: string): Promise<Counters> {
  const read = (file: string) => readCounter(join(group, file));
  const [cpu, usage, stat, limit, block, pids] = await Promise.all(
    ['cpu.stat', 'memory.current', 'memory.stat', 'memory.max', 'io.stat', 'pids.current'].map(read),
  );
  return {
    cpuNanos: keyedValue(cpu ?? '', 'usage_usec') * 1000,
    memoryUsage: withoutCache(Number(usage), keyedValue(stat ?? '', 'inactive_file')),
    memoryLimit: /^\d/.test(limit ?? '') ? Number(limit) : Number.POSITIVE_INFINITY,
    blockRead: sumOf(block ?? '', 'rbytes'),
    blockWritten: sumOf(block ?? '', 'wbytes'),
    pids: Number(pids),
  };
}

/** Lines `8:0 rbytes=90112 wbytes=0 rios=1 …`, one a device. */
function sumOf(text: string, key: string): number {
  return [...text.matchAll(new RegExp(`\\b${key}=(\\d+)`, 'g'))].reduce((sum, match) => sum + Number(match[1]), 0);
}
