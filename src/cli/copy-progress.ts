/** How far a copy is, on a terminal; and what it came to. */
import type { CommandContext } from './context.ts';
import { humanSize } from './output/units.ts';

const EVERY_MS = 75;

export interface CopyProgress {
  /** Passes data on and counts it. */
  count(data: AsyncIterable<Buffer>): AsyncGenerator<Buffer>;
  /** Takes the line away. */
  end(): void;
  /** docker's last line. @param contentSize of the file alone; undefined: what was transferred */
  summary(contentSize: number | undefined, destination: string): void;
}

/** @param header `Copying to container - ` and the like; quiet: nothing is written */
export function copyProgress(context: CommandContext, header: string, quiet: boolean): CopyProgress {
  const { stderr, terminal } = context;
  let total = 0;
  let shown = -1;
  const draw = () => {
    if (total !== shown) stderr.write(`\r\x1b[K${header}${humanSize(total, 3)}`);
    shown = total;
  };
  const visible = !quiet && terminal.isTty.stderr;
  const timer = visible ? setInterval(draw, EVERY_MS) : undefined;
  if (visible) stderr.write('Preparing to copy...');
  return {
    async *count(data) {
      for await (const chunk of data) {
        total += chunk.length;
        yield chunk;
      }
    },
    end() {
      clearInterval(timer);
      if (visible) stderr.write('\r\x1b[K');
    },
    summary(contentSize, destination) {
      if (quiet) return;
      const transferred = humanSize(total, 3);
      const size =
        contentSize === undefined || contentSize === total
          ? transferred
          : `${humanSize(contentSize, 3)} (transferred ${transferred})`;
      stderr.write(`Successfully copied ${size} to ${destination}\n`);
    },
  };
}
