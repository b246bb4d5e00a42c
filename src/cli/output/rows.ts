/** Lists as docker prints them: each row is a set of named fields, and every form, the table too, is a template over them. */

import { CliError } from '../errors.ts';
import { alignTabs } from './tabs.ts';
import { headerFunctions } from './template/functions.ts';
import { compileTemplate, TemplateError } from './template/template.ts';

/** What `--help` says of `--format`. */
export const FORMAT_HELP = `Format output using a custom template:
'table':            Print output in table format with column headers (default)
'table TEMPLATE':   Print output in table format using the given Go template
'json':             Print in JSON format
'TEMPLATE':         Print output using the given Go template.
Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates`;

export interface ListForm<Item> {
  /** Fields by their name in templates, with their heading in a table. A function is a method, like `.Label "key"`. */
  readonly fields: Readonly<Record<string, ListField<Item>>>;
  /** What the table shows unless another is asked for: `{{.ID}}\t{{.Names}}`. */
  readonly table: string;
  /** What `-q` prints of a row. */
  readonly quiet: string;
  /** Docker's name for a row's type, for errors. */
  readonly typeName: string;
}

export interface ListField<Item> {
  readonly heading: string | ((...args: unknown[]) => string);
  readonly value: (item: Item) => unknown;
  /** Methods are left out of JSON. */
  readonly method?: boolean;
}

export interface ListOptions {
  /** `--format`: table, json, `table TEMPLATE` or a template; absent or empty: the table. */
  readonly format?: string | undefined;
  readonly quiet?: boolean | undefined;
}

/** Renders a list. Throws CliError on a template that is wrong. */
export function renderList<Item>(items: readonly Item[], form: ListForm<Item>, options: ListOptions): string {
  const format = options.format ?? '';
  const standard = format === '' || format === 'table';
  if (standard && options.quiet === true) return renderTemplate(items, form, form.quiet);
  if (standard) return renderTable(items, form, form.table);
  if (format === 'json') return renderTemplate(items, form, '{{json .}}');
  if (format.startsWith('table')) return renderTable(items, form, unescapeFormat(format.slice('table'.length)));
  return renderTemplate(items, form, unescapeFormat(format));
}

/** Which fields a format names: so that what is dear to learn is asked for only then. */
export function formatUses(format: string | undefined, field: string): boolean {
  return format !== undefined && new RegExp(`\\.${field}\\b`).test(format);
}

/** docker takes `\t` and `\n` in a format as typed in single quotes. */
function unescapeFormat(format: string): string {
  return format
    .replace(/^ +| +$/g, '')
    .replaceAll('\\t', '\t')
    .replaceAll('\\n', '\n');
}

function renderTable<Item>(items: readonly Item[], form: ListForm<Item>, source: string): string {
  const header = Object.fromEntries(Object.entries(form.fields).map(([name, field]) => [name, field.heading]));
  const template = inWords(() => compileTemplate(source), 'failed to parse template');
  return inWords(() => {
    const lines = [
      template.execute(header, { functions: headerFunctions }),
      ...renderRows(items, form, source, template),
    ];
    return `${alignTabs(lines.join('\n'))}\n`;
  }, 'failed to execute template');
}

function renderTemplate<Item>(items: readonly Item[], form: ListForm<Item>, source: string): string {
  const template = inWords(() => compileTemplate(source), 'failed to parse template');
  return inWords(
    () =>
      renderRows(items, form, source, template)
        .map((line) => `${line}\n`)
        .join(''),
    'failed to execute template',
  );
}

/** One text a row. Texts of fields side by side, which most formats are, need no interpreter: it takes ten times as long. */
function renderRows<Item>(
  items: readonly Item[],
  form: ListForm<Item>,
  source: string,
  template: ReturnType<typeof compileTemplate>,
): readonly string[] {
  const interpret = (item: Item) => template.execute(templateRow(item, form), { typeName: form.typeName });
  const parts = plainFields(source, form);
  if (parts === undefined) return items.map(interpret);
  return items.map((item) => {
    let line = '';
    for (const part of parts) {
      const value = typeof part === 'string' ? part : part.value(item);
      if (typeof value !== 'string') return interpret(item);
      line += value;
    }
    return line;
  });
}

/** The texts and fields of a template that has nothing but `{{.Field}}` between texts; undefined for any other. */
function plainFields<Item>(source: string, form: ListForm<Item>): readonly (string | ListField<Item>)[] | undefined {
  const parts: (string | ListField<Item>)[] = [];
  for (const [i, part] of source.split(/\{\{\.(\w+)\}\}/).entries()) {
    const field = i % 2 === 1 && Object.hasOwn(form.fields, part) ? form.fields[part] : undefined;
    if (i % 2 === 0 ? /[{}]/.test(part) : field === undefined || field.method === true) return undefined;
    parts.push(field ?? part);
  }
  return parts;
}

/** A row with its fields computed when they are asked for; JSON sees them in alphabetical order, without methods. */
export function templateRow<Item>(item: Item, form: ListForm<Item>): object {
  const row = {};
  for (const name of Object.keys(form.fields).toSorted()) {
    const field = form.fields[name];
    Object.defineProperty(row, name, { enumerable: field?.method !== true, get: () => field?.value(item) });
  }
  return row;
}

/** docker's words around a template's error; they differ between lists and documents. */
export function inWords<T>(render: () => T, words = 'template parsing error'): T {
  try {
    return render();
  } catch (error) {
    if (error instanceof TemplateError) throw new CliError(`${words}: ${error.message}`, { cause: error });
    throw error;
  }
}
