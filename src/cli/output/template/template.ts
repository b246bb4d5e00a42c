/** Go's text/template with docker's functions: what `--format` takes. Pure: a template and a value give a text. */
import { functions, type TemplateFunction } from './functions.ts';
import { lineOf, TemplateError } from './lexer.ts';
import { type Command, type Node, type Operand, type Pipe, parseTemplate } from './parser.ts';
import { isMap, isTrue, printAction, type Value } from './values.ts';

export { TemplateError } from './lexer.ts';

export interface Template {
  /**
   * Runs the template on a value. Functions among its fields are methods: `.Label "a"` calls it. Throws TemplateError with Go's
   * sentence.
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
  const nodes = parseTemplate(source, new Set([...functions.keys(), 'and', 'or']));
  return {
    execute(value, options = {}) {
      const run = new Run(source, value, options);
      run.list(nodes, value);
      return run.output;
    },
  };
}

interface Variable {
  readonly name: string;
  value: Value;
}

class Run {
  output = '';
  readonly #source: string;
  readonly #root: Value;
  readonly #functions: ReadonlyMap<string, TemplateFunction>;
  readonly #typeName: string | undefined;
  readonly #anyKey: boolean;
  readonly #variables: Variable[];

  constructor(source: string, root: Value, options: ExecuteOptions) {
    this.#source = source;
    this.#root = root;
    this.#functions = options.functions ?? functions;
    this.#typeName = options.typeName;
    this.#anyKey = options.anyKey === true;
    this.#variables = [{ name: '$', value: root }];
  }

  /** Runs nodes; tells whether a loop around them is to be left or continued. */
  list(nodes: readonly Node[], dot: Value): 'break' | 'continue' | undefined {
    for (const node of nodes) {
      if (node.kind === 'text') this.output += node.text;
      else if (node.kind === 'action') {
        const value = this.#pipe(node.pipe, dot);
        if (node.pipe.variables.length === 0) this.output += printAction(value);
      } else if (!('body' in node)) return node.kind;
      else {
        const depth = this.#variables.length;
        const jump = node.kind === 'range' ? this.#range(node, dot) : this.#branch(node, dot);
        this.#variables.length = depth;
        if (jump !== undefined) return jump;
      }
    }
    return undefined;
  }

  #branch(node: Extract<Node, { body: Node[] }>, dot: Value): 'break' | 'continue' | undefined {
    const value = this.#pipe(node.pipe, dot);
    if (isTrue(value)) return this.list(node.body, node.kind === 'with' ? value : dot);
    return this.list(node.otherwise, dot);
  }

  #range(node: Extract<Node, { body: Node[] }>, dot: Value): 'break' | 'continue' | undefined {
    const { variables, declares } = node.pipe;
    const value = this.#pipe({ ...node.pipe, variables: [] }, dot);
    const items = this.#items(node.pipe, value);
    if (items.length === 0) return this.list(node.otherwise, dot);
    const depth = this.#variables.length;
    for (const [key, item] of items) {
      const [first, second] = variables;
      if (first !== undefined) this.#set(first, second === undefined ? item : key, declares);
      if (second !== undefined) this.#set(second, item, declares);
      const jump = this.list(node.body, item);
      this.#variables.length = depth;
      if (jump === 'break') break;
    }
    return undefined;
  }

  #items(pipe: Pipe, value: Value): [Value, Value][] {
    if (value === null || value === undefined) return [];
    if (Array.isArray(value)) return value.map((item: Value, i) => [i, item]);
    if (typeof value === 'number') return Array.from({ length: Math.max(0, value) }, (_, i) => [i, i]);
    if (isMap(value)) {
      return Object.keys(value)
        .toSorted()
        .map((key) => [key, value[key]]);
    }
    throw this.#error(pipe.commands[0]?.[0], `range can't iterate over ${printAction(value)}`);
  }

  #set(name: string, value: Value, declares: boolean): void {
    const known = declares ? undefined : this.#variables.findLast((variable) => variable.name === name);
    if (known === undefined) this.#variables.push({ name, value });
    else known.value = value;
  }

  #pipe(pipe: Pipe, dot: Value): Value {
    let value: Value;
    pipe.commands.forEach((command, i) => {
      value = this.#command(command, dot, i === 0 ? [] : [value]);
    });
    for (const name of pipe.variables) this.#set(name, value, pipe.declares);
    return value;
  }

  #command(command: Command, dot: Value, piped: readonly Value[]): Value {
    const [first, ...rest] = command;
    if (first.head.kind === 'nil' && piped.length === 0) throw this.#error(first, 'nil is not a command');
    if (first.head.kind === 'function' && first.fields.length === 0) {
      const { name } = first.head;
      if (name === 'and' || name === 'or') return this.#decide(name, rest, dot, piped);
      const args = [...rest.map((operand) => this.#operand(operand, dot)), ...piped];
      const whole = { ...first, end: command.at(-1)?.end ?? first.end };
      return this.#call(whole, name, this.#functions.get(name), args);
    }
    const args = [...rest.map((operand) => this.#operand(operand, dot)), ...piped];
    return this.#operand(first, dot, args);
  }

  #decide(name: 'and' | 'or', operands: readonly Operand[], dot: Value, piped: readonly Value[]): Value {
    let value: Value;
    for (const next of [
      ...operands.map((operand) => () => this.#operand(operand, dot)),
      ...piped.map((v) => () => v),
    ]) {
      value = next();
      if (isTrue(value) === (name === 'or')) return value;
    }
    return value;
  }

  #call(operand: Operand, name: string, target: TemplateFunction | undefined, args: readonly Value[]): Value {
    try {
      return target?.(...args);
    } catch (error) {
      if (error instanceof TemplateError) throw error;
      throw this.#error(operand, `error calling ${name}: ${(error as Error).message}`);
    }
  }

  /** The value of an operand; arguments go to the last of its fields. */
  #operand(operand: Operand, dot: Value, args: readonly Value[] = []): Value {
    let value = this.#head(operand, dot);
    operand.fields.forEach((field, i) => {
      value = this.#field(operand, value, field, i === operand.fields.length - 1 ? args : []);
    });
    if (operand.fields.length === 0 && args.length > 0) {
      throw this.#error(operand, `can't give argument to non-function ${this.#text(operand)}`);
    }
    return value;
  }

  #head(operand: Operand, dot: Value): Value {
    const { head } = operand;
    switch (head.kind) {
      case 'dot':
        return dot;
      case 'nil':
        return null;
      case 'value':
        return head.value;
      case 'variable':
        return this.#variables.findLast((variable) => variable.name === head.name)?.value;
      case 'function':
        return this.#command([{ ...operand, fields: [] }], dot, []);
      case 'pipe':
        return this.#pipe(head.pipe, dot);
    }
  }

  #field(operand: Operand, value: Value, field: string, args: readonly Value[]): Value {
    if (value === null || value === undefined) {
      throw this.#error(operand, `nil pointer evaluating interface {}.${field}`);
    }
    if (!isMap(value)) throw this.#error(operand, `can't evaluate field ${field} in type ${typeof value}`);
    if (!Object.hasOwn(value, field)) {
      const struct = value === this.#root ? this.#typeName : undefined;
      if (struct === undefined && this.#anyKey) return undefined;
      throw this.#error(
        operand,
        struct === undefined
          ? `map has no entry for key ${JSON.stringify(field)}`
          : `can't evaluate field ${field} in type ${struct}`,
      );
    }
    const found = value[field];
    if (typeof found === 'function') return this.#call(operand, field, found as TemplateFunction, args);
    if (args.length > 0) throw this.#error(operand, `${field} has arguments but cannot be invoked as function`);
    return found;
  }

  #text({ start, end }: Operand): string {
    return this.#source.slice(start, end);
  }

  #error(operand: Operand | undefined, reason: string): TemplateError {
    const at = operand?.at ?? 0;
    const column = Buffer.byteLength(this.#source.slice(this.#source.lastIndexOf('\n', at - 1) + 1, at));
    return new TemplateError(
      `template: :${lineOf(this.#source, at)}:${column}: executing "" at <${operand === undefined ? '' : this.#text(operand)}>: ${reason}`,
    );
  }
}
