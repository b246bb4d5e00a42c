/** `-e`, `--env-file`, `-l`, `--label-file`: pairs of names and values. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CliError } from '../errors.ts';
import { fileError } from '../file-error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Checks one `-e`: it must have a name. Throws Error with docker's sentence. */
export function checkVariable(text: string): string {
  if (text === '' || text.startsWith('=')) throw new Error(`invalid environment variable: ${text}`);
  return text;
}

/** Checks one `-l`. Throws Error with docker's sentence. */
export function checkLabel(text: string): string {
  if (text === '' || text.startsWith('=')) throw new Error(`invalid label '${text}': empty name`);
  return text;
}

/**
 * The variables of `--env-file`s and then of `-e`s, as KEY=VALUE. One without `=` takes its value from the environment, and is
 * left out where that has none.
 */
export async function readEnvironment(
  files: readonly string[],
  variables: readonly string[],
  environment: Environment,
  cwd: string,
): Promise<string[]> {
  const result: string[] = [];
  for (const file of files) result.push(...parseFile(await readLines(file, cwd), file, environment));
  result.push(...variables.flatMap((variable) => withValue(variable, environment)));
  return result;
}

/**
 * The proxies of docker's configuration as variables, in upper and in lower case, as programs differ; but for those that `-e` names
 * (docker/cli, ParseProxyConfig). They come before `-e`, and after files.
 */
export function proxyVariables(proxies: Readonly<Record<string, string>>, variables: readonly string[]): string[] {
  const given = new Set(variables.map((variable) => variable.replace(/=.*$/s, '')));
  return Object.entries(proxies)
    .flatMap(([name, value]) => [[name, value] as const, [name.toLowerCase(), value] as const])
    .filter(([name]) => !given.has(name))
    .map(([name, value]) => `${name}=${value}`);
}

/** Labels as a map: `key=value`, or `key` for an empty value. Later ones win. */
export function toLabels(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf('=');
      return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

/** The labels of `--label-file`s: one a line, `#` begins a comment line. */
export async function readLabelFiles(files: readonly string[], cwd: string): Promise<string[]> {
  const texts: string[] = [];
  for (const file of files) {
    for (const line of await readLines(file, cwd)) {
      const text = line.trimStart();
      if (text !== '' && !text.startsWith('#')) texts.push(checkLabel(text));
    }
  }
  return texts;
}

async function readLines(file: string, cwd: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(resolve(cwd, file), 'utf8');
  } catch (cause) {
    throw fileError(file, cause);
  }
  return text.replace(/^\uFEFF/, '').split(/\r?\n/);
}

/** Lines of an environment file (docker/cli opts/file.go): comments with `#`, names without white space, values as they are. */
function parseFile(lines: readonly string[], file: string, environment: Environment): string[] {
  return lines.flatMap((raw) => {
    const line = raw.trimStart();
    if (line === '' || line.startsWith('#')) return [];
    const equals = line.indexOf('=');
    const name = equals < 0 ? line : line.slice(0, equals);
    if (name === '') throw new CliError(`invalid env file (${file}): no variable name on line '${line}'`);
    if (/\s/.test(name)) throw new CliError(`invalid env file (${file}): variable '${name}' contains whitespaces`);
    return withValue(line, environment);
  });
}

function withValue(variable: string, environment: Environment): string[] {
  if (variable.includes('=')) return [variable];
  const value = environment[variable];
  return value === undefined ? [] : [`${variable}=${value}`];
}
