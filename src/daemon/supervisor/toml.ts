/** Writes TOML: the little of it that the engine's configuration files need. */

export type TomlValue = string | number | boolean | readonly string[] | readonly TomlTable[] | TomlTable;
export interface TomlTable {
  readonly [key: string]: TomlValue;
}

/** Renders a table with its sub-tables. Strings become basic strings (TOML 1.0), which JSON's escapes are a subset of. */
export function toToml(table: TomlTable): string {
  return `${render(table, []).join('\n')}\n`;
}

function render(table: TomlTable, path: readonly string[]): string[] {
  const plain: string[] = [];
  const nested: string[] = [];
  for (const [key, value] of Object.entries(table)) {
    const here = [...path, JSON.stringify(key)];
    if (isTables(value)) for (const entry of value) nested.push('', `[[${here.join('.')}]]`, ...render(entry, here));
    else if (isTable(value)) nested.push('', `[${here.join('.')}]`, ...render(value, here));
    else plain.push(`${JSON.stringify(key)} = ${JSON.stringify(value)}`);
  }
  return [...plain, ...nested];
}

function isTables(value: TomlValue): value is readonly TomlTable[] {
  return Array.isArray(value) && value.some((entry) => typeof entry === 'object');
}

function isTable(value: TomlValue): value is TomlTable {
  return typeof value === 'object' && !Array.isArray(value);
}
