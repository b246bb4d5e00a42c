/** k3c.v1's samples out of the engine's. */
import type { ContainerStats as StatsMessage } from '../../api/gen/k3c.ts';
import type { ContainerStats } from '../engine/containers/stats/stats.ts';

const whole = (value: number) => BigInt(Math.round(value));

export function toStats({ record, reference, usage }: ContainerStats): StatsMessage {
  return {
    id: record.id,
    name: record.name,
    reference,
    sampled: usage !== undefined,
    cpuPercent: usage?.cpuPercent ?? 0,
    memoryUsage: whole(usage?.memoryUsage ?? 0),
    memoryLimit: whole(usage?.memoryLimit ?? 0),
    networkReceived: whole(usage?.network.received ?? 0),
    networkSent: whole(usage?.network.sent ?? 0),
    blockRead: whole(usage?.blockRead ?? 0),
    blockWritten: whole(usage?.blockWritten ?? 0),
    pids: whole(usage?.pids ?? 0),
  };
}
