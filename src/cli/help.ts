/** Help as docker lays it out: usage, summary, aliases, flags in two columns wrapped as pflag wraps them. */
import type { Command, Option } from 'commander';
import type { CommandDefinition, CommandEntry } from './command.ts';

/** Width to wrap at where there is no terminal. */
const WIDTH = 80;

export interface Group {
  readonly name: string;
  readonly summary: string;
}

/** `Usage:  k3c ps [OPTIONS]` */
export function usageLine(words: string, definition: Pick<CommandDefinition, 'usage'>): string {
  return `Usage:  k3c ${words}${definition.usage === '' ? '' : ` ${definition.usage}`}`;
}

/** The help of one command. `words` is the form the user typed. */
export function commandHelp(
  words: string,
  entry: CommandEntry,
  definition: CommandDefinition,
  command: Command,
  columns: number,
): string {
  const parts = [usageLine(words, definition), entry.summary];
  if (definition.details !== undefined) parts.push(definition.details);
  const [first, ...others] = entry.words;
  if (others.length > 0) parts.push(`Aliases:\n  ${[...others, first].map((form) => `k3c ${form}`).join(', ')}`);
  if (command.options.length > 0) parts.push(`Options:\n${flagTable(command.options, columns || WIDTH)}`);
  return `${parts.join('\n\n')}\n`;
}

/** The help of `k3c` itself. */
export function rootHelp(
  entries: readonly CommandEntry[],
  groups: readonly Group[],
  globals: readonly Option[],
  columns: number,
): string {
  const common = entries.filter((entry) => COMMON.includes(entry.words[0] ?? ''));
  const order = (entry: CommandEntry) => COMMON.indexOf(entry.words[0] ?? '');
  const rest = entries.filter(
    (entry) => entry.hidden !== true && !common.includes(entry) && !(entry.words[0] ?? '').includes(' '),
  );
  const parts = [
    'Usage:  k3c [OPTIONS] COMMAND',
    'Classic Docker for a Kubernetes world',
    `Common Commands:\n${list(common.toSorted((a, b) => order(a) - order(b)))}`,
    `Management Commands:\n${list(groups.map((group) => ({ words: [group.name], summary: group.summary })))}`,
    `Commands:\n${list(byName(rest))}`,
    `Global Options:\n${flagTable(globals, columns || WIDTH)}`,
    "Run 'k3c COMMAND --help' for more information on a command.",
  ];
  return `${parts.join('\n\n')}\n`;
}

/** The help of a group: `k3c container`. */
export function groupHelp(entries: readonly CommandEntry[], group: Group): string {
  const prefix = `${group.name} `;
  const members = entries.flatMap((entry) => {
    const form = entry.words.find((words) => words.startsWith(prefix));
    return form === undefined ? [] : [{ words: [form.slice(prefix.length)], summary: entry.summary }];
  });
  return [
    `Usage:  k3c ${group.name} COMMAND`,
    group.summary,
    `Commands:\n${list(byName(members))}`,
    `Run 'k3c ${group.name} COMMAND --help' for more information on a command.\n`,
  ].join('\n\n');
}

const COMMON = ['run', 'exec', 'ps', 'build', 'pull', 'push', 'images', 'version', 'info'];

type Line = Pick<CommandEntry, 'words' | 'summary'>;

function byName<T extends Line>(lines: readonly T[]): readonly T[] {
  return lines.toSorted((a, b) => ((a.words[0] ?? '') < (b.words[0] ?? '') ? -1 : 1));
}

function list(lines: readonly Line[]): string {
  const width = Math.max(11, ...lines.map((line) => (line.words[0] ?? '').length));
  return lines.map((line) => `  ${(line.words[0] ?? '').padEnd(width)} ${line.summary}`).join('\n');
}

/** pflag's FlagUsagesWrapped: flags by name, descriptions in one column, wrapped at the width. */
export function flagTable(options: readonly Option[], columns: number): string {
  const rows = options
    .filter((option) => !option.hidden)
    .toSorted((a, b) => ((a.long ?? '') < (b.long ?? '') ? -1 : 1))
    .map((option) => {
      const type = /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1];
      const names = `${option.short === undefined ? '    ' : `${option.short}, `}${option.long ?? ''}`;
      return {
        left: `  ${names}${type === undefined ? '' : ` ${type}`}`,
        right: option.description + fallback(option),
      };
    });
  const left = Math.max(0, ...rows.map((row) => row.left.length));
  return rows.map((row) => `${row.left.padEnd(left)}   ${wrap(row.right, left + 3, columns)}`).join('\n');
}

function fallback(option: Option): string {
  if (option.defaultValueDescription !== undefined) return ` (default ${option.defaultValueDescription})`;
  const value: unknown = option.defaultValue;
  if (option.negate || value === undefined || value === false) return '';
  return ` (default ${typeof value === 'string' ? JSON.stringify(value) : String(value)})`;
}

/** Breaks a description for a column that begins at `indent`; the last line may run five over, as pflag lets it. */
function wrap(text: string, indent: number, columns: number): string {
  let at = indent;
  let room = columns - at;
  let wrapped = '';
  if (room < 24) {
    // Too narrow beside the flags: the description goes below them.
    at = 16;
    room = columns - at;
    wrapped = `\n${' '.repeat(at)}`;
  }
  const newline = `\n${' '.repeat(at)}`;
  if (room < 24) return wrapped + text.replaceAll('\n', newline);
  const slop = 5;
  room -= slop;
  const pieces: string[] = [];
  let rest = text;
  while (room + slop <= rest.length) {
    const head = rest.slice(0, room);
    const space = Math.max(head.lastIndexOf(' '), head.lastIndexOf('\n'));
    if (space <= 0) break;
    const line = head.lastIndexOf('\n');
    const cut = line > 0 && line < space ? line : space;
    pieces.push(rest.slice(0, cut));
    rest = rest.slice(cut + 1);
  }
  pieces.push(rest);
  return wrapped + pieces.join('\n').replaceAll('\n', newline);
}
