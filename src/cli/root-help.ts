/** Help above the commands: of k3c itself and of the groups. */
import { Option } from 'commander';
import type { CommandEntry } from './command.ts';
import { UsageError } from './errors.ts';
import { groupHelp, rootHelp } from './help.ts';
import { groups } from './list.ts';

/** The flags before the command; program.ts reads them. */
const globals = [
  new Option(
    '-H, --address <path>',
    'Socket of the daemon: a path or unix://PATH (default $K3C_ADDRESS, else /run/k3c/k3c.sock)',
  ),
  new Option('-v, --version', 'Print version information and quit'),
];

/** What `k3c` and `k3c --help` print. */
export function rootText(list: readonly CommandEntry[], columns: number): string {
  return rootHelp(list, groups, globals, columns);
}

/** Whether a word names a group of commands. */
export function isGroup(word: string | undefined): boolean {
  return groups.some(({ name }) => name === word);
}

/** What `k3c container` prints; undefined when the first word names no group. Throws on a word the group has not. */
export function groupText(list: readonly CommandEntry[], argv: readonly string[]): string | undefined {
  const group = groups.find((candidate) => candidate.name === argv[0]);
  if (group === undefined) return undefined;
  const [, word] = argv;
  if (word !== undefined && word !== '--help' && word !== '-h') {
    throw new UsageError(`unknown command: k3c ${group.name} ${word}`, { exitCode: 1, named: true });
  }
  return groupHelp(list, group);
}
