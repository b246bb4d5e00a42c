/** Go's text/template with docker's functions: what `--format` takes. Pure: a template and a value give a text. */
import { functions, type TemplateFunction } from './functions.ts';
import { parseTemplate } from './parser.ts';
import { Run } from './run.ts';
import type { Value } from './values.ts';

export { TemplateError } from './lexer.ts';

export interface Template {
  /**
   * Runs the template on a value. Functions among its fields are methods that take texts: `.Label "a"` calls it. Throws
   * TemplateError with Go's sentence.
   */
  execute(value: Value, options?: ExecuteOptions): string;
}

export interface ExecuteOptions {
  readonly functions?: ReadonlyMap<string, TemplateFunction>;
  /** The Go type of the value, where it stands for a struct: names it in the error for a field it has not. */
  readonly typeName?: string;
  /** A key that a map has not prints as `<no value>` (Go's default) instead of being an error (as docker's inspect has it). */
  readonly anyKey?: boolean;
}

/** Compiles a template. Throws TemplateError. */
export function compileTemplate(source: string): Template {
  const tree = parseTemplate(source, new Set([...functions.keys(), 'and', 'or']));
  return {
    execute(value, options = {}) {
      const run = new Run(source, tree, value, options);
      run.list(tree.nodes, value);
      return run.output;
    },
  };
}
