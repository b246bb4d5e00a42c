/** The fields of a container in `stats`, and the frames of its view (docker/cli, command/container/stats.go). */
import type { ContainerStats } from '../../api/gen/k3c.ts';
import type { TerminalSize } from '../context.ts';
import type { ListForm } from './rows.ts';
import { shortId } from './shorten.ts';
import { binarySize, humanSize } from './units.ts';

const UNKNOWN = '--';

/** docker's form of a list of samples. */
export function statsList(truncate: boolean): ListForm<ContainerStats> {
  const known =
    (render: (stats: ContainerStats) => string, unknown = UNKNOWN) =>
    (stats: ContainerStats) =>
      stats.sampled ? render(stats) : unknown;
  return {
    typeName: '*container.statsContext',
    quiet: '{{.ID}}',
    table: '{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}',
    fields: {
      Container: { heading: 'CONTAINER', value: (s) => s.reference },
      Name: { heading: 'NAME', value: (s) => s.name },
      ID: { heading: 'CONTAINER ID', value: (s) => (truncate ? shortId(s.id) : s.id) },
      CPUPerc: { heading: 'CPU %', value: known((s) => `${s.cpuPercent.toFixed(2)}%`) },
      MemUsage: {
        heading: 'MEM USAGE / LIMIT',
        value: known((s) => `${binarySize(s.memoryUsage)} / ${binarySize(s.memoryLimit)}`, '-- / --'),
      },
      MemPerc: { heading: 'MEM %', value: known((s) => `${memoryPercent(s).toFixed(2)}%`) },
      NetIO: { heading: 'NET I/O', value: known((s) => pair(s.networkReceived, s.networkSent)) },
      BlockIO: { heading: 'BLOCK I/O', value: known((s) => pair(s.blockRead, s.blockWritten)) },
      PIDs: { heading: 'PIDS', value: known((s) => String(s.pids)) },
    },
  };
}

function memoryPercent({ memoryUsage, memoryLimit }: ContainerStats): number {
  return memoryLimit === 0n ? 0 : (Number(memoryUsage) / Number(memoryLimit)) * 100;
}

function pair(one: bigint, other: bigint): string {
  return `${humanSize(one, 3)} / ${humanSize(other, 3)}`;
}

/** What empties the screen, cursor at its top. */
export const CLEAR = '\u001b[H\u001b[J';

/**
 * A list as a frame that is drawn over the one before: from the top, each line up to its end, and nothing below. Lines that
 * do not fit on the screen are left out: they would scroll it, and every frame would leave its head behind.
 * @param size of the terminal; 0 rows: no terminal, nothing is left out
 */
export function toFrame(text: string, { columns, rows }: TerminalSize): string {
  const lines = text.replace(/\n$/, '').split('\n');
  let left = rows > 0 ? rows - 1 : Number.POSITIVE_INFINITY;
  const shown: string[] = [];
  for (const line of lines) {
    left -= columns > 0 ? Math.max(1, Math.ceil([...line].length / columns)) : 1;
    if (left < 0) break;
    shown.push(`${line}\u001b[K\n`);
  }
  return `\u001b[H${shown.join('')}\u001b[J`;
}
