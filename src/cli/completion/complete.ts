/** What may stand next on a command line: commands, flags, values of flags, operands. The shells' scripts ask for it. */
import { Command, type Option } from 'commander';
import type { CommandDefinition, CommandEntry, Completes } from '../command.ts';
import type { Group } from '../help.ts';
import type { Roles } from '../roles.ts';

/** One word that may stand there, and what it means. */
export interface Candidate {
  readonly word: string;
  readonly about: string;
}

export interface Answer {
  readonly candidates: readonly Candidate[];
  /** Whether names of files may stand there too; the shell knows them. */
  readonly files: boolean;
}

/** Where the names that only the daemon knows come from. */
export type Lookup = (kind: Exclude<Completes, 'file' | 'none'>) => Promise<readonly Candidate[]>;

export interface Commands {
  readonly list: readonly CommandEntry[];
  readonly groups: readonly Group[];
  readonly roles: Roles;
}

/** Flags whose values are one of a few words. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  '--pull': ['always', 'missing', 'never'],
  '--restart': ['no', 'always', 'unless-stopped', 'on-failure'],
  '--progress': ['auto', 'plain', 'tty', 'quiet', 'rawjson'],
  '--log-level': ['debug', 'info', 'warn', 'error'],
  '--attach': ['stdin', 'stdout', 'stderr'],
};

/** Flags whose values are names that the daemon knows. */
const NAMES: Readonly<Record<string, Completes>> = {
  '--network': 'network',
  '--volumes-from': 'container',
  '--pod': 'pod',
};

/** Flags that name a file or a directory. */
const FILES = /^--(.*file|file|output|input|root|state|config|registries|env-file|volume|secret|ssh|build-context)$/;

/**
 * What may stand in the place of the last word.
 * @param words what follows the program's name; the last one is being typed and may be empty
 */
export async function complete(words: readonly string[], commands: Commands, lookup: Lookup): Promise<Answer> {
  const typed = words.at(-1) ?? '';
  const before = withoutGlobals(words.slice(0, -1));
  const found = find(commands.list, before);
  if (found === undefined) return only(subcommands(before, commands), typed);
  const definition = await found.entry.load(commands.roles);
  const command = new Command();
  definition.configure(command);
  const state = read(command.options, definition, before.slice(found.length));
  if (state.value !== undefined) return await valuesFor(state.value, typed, lookup);
  const joined = /^(--[a-z-]+)=(.*)$/s.exec(typed);
  if (joined !== null && !state.ended) {
    const option = command.options.find(({ long }) => long === joined[1]);
    const answer = option === undefined ? NOTHING : await valuesFor(option, joined[2] ?? '', lookup);
    const prefixed = answer.candidates.map(({ word, about }) => ({ word: `${joined[1]}=${word}`, about }));
    return { candidates: prefixed, files: answer.files };
  }
  if (typed.startsWith('-') && !state.ended) return only(flags(command.options), typed);
  const kinds = found.entry.completes ?? ['none'];
  return await named(kinds[Math.min(state.operands, kinds.length - 1)] ?? 'none', typed, lookup);
}

const NOTHING: Answer = { candidates: [], files: false };

/** The flags before the command are read away; of their values none needs help. */
function withoutGlobals(words: readonly string[]): readonly string[] {
  let at = 0;
  while (words[at]?.startsWith('-') === true) at += /^(--address|--host|-H)$/.test(words[at] ?? '') ? 2 : 1;
  return words.slice(at);
}

function find(list: readonly CommandEntry[], words: readonly string[]) {
  for (const length of [2, 1]) {
    if (words.length < length) continue;
    const form = words.slice(0, length).join(' ');
    const entry = list.find((candidate) => candidate.words.includes(form));
    if (entry !== undefined) return { entry, length };
  }
  return undefined;
}

function subcommands(words: readonly string[], { list, groups }: Commands): readonly Candidate[] {
  const visible = list.filter(({ hidden }) => hidden !== true);
  if (words.length === 0) {
    const short = visible.filter((entry) => entry.words[0]?.includes(' ') === false);
    return [
      ...groups.map(({ name, summary }) => ({ word: name, about: summary })),
      ...short.map(({ words: [word = ''], summary }) => ({ word, about: summary })),
    ];
  }
  if (words.length > 1) return [];
  const prefix = `${words[0]} `;
  return visible.flatMap(({ words: forms, summary }) => {
    const form = forms.find((candidate) => candidate.startsWith(prefix));
    return form === undefined ? [] : [{ word: form.slice(prefix.length), about: summary }];
  });
}

interface ReadState {
  /** The flag whose value is being typed. */
  readonly value: Option | undefined;
  readonly operands: number;
  /** Whether no flags can follow. */
  readonly ended: boolean;
}

/** Follows the words as arguments.ts reads them, without their meaning. */
function read(options: readonly Option[], definition: CommandDefinition, words: readonly string[]): ReadState {
  let operands = 0;
  let ended = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (ended || word === '-' || !word.startsWith('-')) {
      operands++;
      ended ||= definition.optionsFirst === true;
    } else if (word === '--') ended = true;
    else {
      const option = openFlag(options, word);
      if (option === undefined) continue;
      i++;
      if (i === words.length) return { value: option, operands, ended };
    }
  }
  return { value: undefined, operands, ended };
}

/** The flag that takes the next word as its value: `--name`, `-itp`. */
function openFlag(options: readonly Option[], word: string): Option | undefined {
  if (word.startsWith('--')) return options.find((option) => option.long === word && takesValue(option));
  for (const [at, letter] of [...word.slice(1)].entries()) {
    const option = options.find(({ short }) => short === `-${letter}`);
    if (option === undefined) return undefined;
    if (takesValue(option)) return at === word.length - 2 ? option : undefined;
  }
  return undefined;
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function flags(options: readonly Option[]): readonly Candidate[] {
  return options
    .filter(({ hidden }) => !hidden)
    .flatMap(({ long, description }) => (long === undefined ? [] : [{ word: long, about: description }]));
}

async function valuesFor(option: Option, typed: string, lookup: Lookup): Promise<Answer> {
  const long = option.long ?? '';
  const choices = CHOICES[long];
  if (choices !== undefined)
    return only(
      choices.map((word) => ({ word, about: '' })),
      typed,
    );
  return await named(NAMES[long] ?? (FILES.test(long) ? 'file' : 'none'), typed, lookup);
}

async function named(kind: Completes, typed: string, lookup: Lookup): Promise<Answer> {
  if (kind === 'none') return NOTHING;
  if (kind === 'file') return { candidates: [], files: true };
  // cp takes CONTAINER:PATH and local paths alike.
  if (kind === 'path') {
    const containers = typed.includes('/') || typed.includes(':') ? [] : await lookup('container');
    const answer = only(
      containers.map(({ word, about }) => ({ word: `${word}:`, about })),
      typed,
    );
    return { ...answer, files: true };
  }
  return only(await lookup(kind), typed);
}

function only(candidates: readonly Candidate[], typed: string): Answer {
  const unique = new Map(candidates.map((candidate) => [candidate.word, candidate]));
  return { candidates: [...unique.values()].filter(({ word }) => word.startsWith(typed)), files: false };
}
