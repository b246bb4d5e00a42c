/** Writes TOML: the little of it that the engine's configuration files need. */

export type TomlValue = string | number | boolean | readonly string[] | TomlTable;
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
    if (typeof value === 'object' && !Array.isArray(value)) {
      const here = [...path, JSON.stringify(key)];
      nested.push('', `[${here.join('.')}]`, ...render(value as TomlTable, here));
    } else plain.push(`${JSON.stringify(key)} = ${JSON.stringify(value)}`);
  }
  return [...plain, ...nested];
}
