/** What a pull or push shows: bars redrawn in place on a terminal, plain lines elsewhere (docker's jsonmessage). */
import type { Writable } from 'node:stream';
import type { LayerProgress } from '../../api/gen/k3c.ts';
import { humanSize } from './units.ts';

export interface TransferView {
  /** A line that stands by itself. */
  status(text: string): void;
  /** News of a layer. */
  layer(layer: LayerProgress): void;
  /** Nothing follows. */
  end(): void;
}

/** Shows nothing: for `-q`. */
export const quietView: TransferView = { status: () => undefined, layer: () => undefined, end: () => undefined };

/** A line for every new status of a layer, none for its progress. */
export function plainView(output: Writable): TransferView {
  const shown = new Map<string, string>();
  return {
    status: (text) => void output.write(`${text}\n`),
    layer({ id, status }) {
      if (shown.get(id) === status) return;
      shown.set(id, status);
      // What docker's own lines without a terminal leave out: states that only progress is told in.
      if (MOVING.includes(status)) return;
      output.write(`${id}: ${status}\n`);
    },
    end: () => undefined,
  };
}

const MOVING = ['Downloading', 'Extracting', 'Pushing'];

/** Milliseconds between two drawings of one layer. */
const PAUSE = 80;

interface Line {
  readonly row: number;
  status: string;
  text: string;
  drawnAt: number;
  dirty: boolean;
}

/**
 * A line a layer, redrawn in place.
 * @param size of the terminal at any moment
 * @param now milliseconds of any clock
 */
export function terminalView(
  output: Writable,
  size: () => { readonly columns: number; readonly rows: number },
  now: () => number,
): TransferView {
  const lines = new Map<string, Line>();
  const draw = (line: Line) => {
    line.dirty = false;
    line.drawnAt = now();
    const up = lines.size - line.row;
    // A line that has scrolled away cannot be reached any more.
    if (up >= (size().rows || 24)) return;
    output.write(`\x1b[${up}A\r\x1b[2K${line.text}\r\x1b[${up}B`);
  };
  const drawDirty = () => {
    for (const line of lines.values()) if (line.dirty) draw(line);
  };
  return {
    status(text) {
      drawDirty();
      output.write(`${text}\n`);
      // Later layers get lines below this one.
      lines.clear();
    },
    layer(layer) {
      const text = layerText(layer, size().columns || 80);
      let line = lines.get(layer.id);
      if (line === undefined) {
        line = { row: lines.size, status: layer.status, text, drawnAt: now(), dirty: false };
        lines.set(layer.id, line);
        output.write(`${text}\n`);
        return;
      }
      const urgent = line.status !== layer.status;
      Object.assign(line, { status: layer.status, text, dirty: true });
      if (urgent || now() - line.drawnAt >= PAUSE) draw(line);
    },
    end: drawDirty,
  };
}

/** A layer's line, no longer than the terminal is wide. */
function layerText(layer: LayerProgress, columns: number): string {
  const bar = MOVING.includes(layer.status) ? progressBar(layer.current, layer.total, columns) : '';
  const text = `${layer.id}: ${layer.status}${bar === '' ? ' ' : ` ${bar}`}`;
  return text.slice(0, columns - 1);
}

/** `[====>      ]  1.2MB/3.4MB`; the bar only where there is room for it. */
export function progressBar(current: bigint, total: bigint, columns: number): string {
  if (current <= 0n && total <= 0n) return '';
  const done = humanSize(current).padStart(8);
  if (total <= 0n || current > total) return done;
  const half = Math.min(50, Math.trunc(Math.trunc((Number(current) / Number(total)) * 100) / 2));
  const box = columns > 110 ? `[${'='.repeat(half)}>${' '.repeat(50 - half)}] ` : '';
  return `${box}${done}/${humanSize(total)}`;
}
