/** Which view shows a build. */
import type { CommandContext } from '../../context.ts';
import { type Display, quietDisplay } from './display.ts';
import { PlainDisplay } from './plain.ts';
import { RawJsonDisplay } from './rawjson.ts';
import { TtyDisplay } from './tty.ts';

const MODES = ['auto', 'plain', 'tty', 'quiet', 'rawjson'] as const;
export type ProgressMode = (typeof MODES)[number];

/** Throws Error on a mode there is not. */
export function parseProgress(text: string): ProgressMode {
  const mode = MODES.find((each) => each === text);
  if (mode === undefined) throw new Error(`invalid progress mode ${text}; there are ${MODES.join(', ')}`);
  return mode;
}

/** The view for a mode, on standard error; `auto` draws on a terminal and writes lines elsewhere. */
export function chooseDisplay(mode: ProgressMode, context: CommandContext, color: boolean): Display {
  const { stderr, terminal } = context;
  if (mode === 'quiet') return quietDisplay;
  if (mode === 'rawjson') return new RawJsonDisplay(stderr);
  if (mode === 'tty' && !terminal.isTty.stderr) throw new Error('failed to get console: standard error is no terminal');
  if (mode === 'plain' || !terminal.isTty.stderr) return new PlainDisplay(stderr);
  return new TtyDisplay({ out: stderr, terminal, color });
}
