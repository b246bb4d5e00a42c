/** The flags of what stops containers: `stop` and `restart`, of pods too. */
import type { Command } from 'commander';
import { value } from './option.ts';
import { parseInteger } from './sizes.ts';

export interface StoppingFlags {
  readonly signal?: string;
  /** Seconds before SIGKILL. */
  readonly timeout?: number;
}

/** Registers --signal and those of timeoutFlags. */
export function stoppingFlags(command: Command): void {
  command.addOption(value('-s, --signal <string>', 'Signal to send to the container'));
  timeoutFlags(command);
}

/** Registers --timeout, and docker's older --time for it. */
export function timeoutFlags(command: Command): void {
  for (const option of [
    value('-t, --timeout <int>', 'Seconds to wait before killing the container', parseInteger),
    value('--time <int>', 'The same, by its old name', parseInteger).hideHelp(),
  ]) {
    command.addOption(option);
  }
  command.on('option:time', () => command.setOptionValue('timeout', command.getOptionValue('time')));
}
