/** Go's text/template with docker's functions: what `--format` takes. Pure: a template and a value give a text. */
import { functions } from './functions.ts';
import { parseTemplate } from './parser.ts';
import { type ExecuteOptions, Run } from './run.ts';
import type { Value } from './values.ts';

export { TemplateError } from './lexer.ts';
export type { ExecuteOptions } from './run.ts';

export interface Template {
  /**
   * Runs the template on a value. Functions among its fields are methods that take texts: `.Label "a"` calls it. Throws
   * TemplateError with Go's sentence.
   */
  execute(value: Value, options?: ExecuteOptions): string;
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
