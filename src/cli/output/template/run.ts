/** Runs a template's tree on a value. */
import { type Argument, wrongCount, wrongType } from './arguments.ts';
import { functions, type TemplateFunction } from './functions.ts';
import { lineOf, TemplateError } from './lexer.ts';
import type { Command, Node, Operand, Pipe, Place, Tree } from './tree.ts';
import { goType, isMap, isTrue, kindOf, printAction, type Value } from './values.ts';

export interface ExecuteOptions {
  readonly functions?: ReadonlyMap<string, TemplateFunction>;
  /** The Go type of the value, where it stands for a struct: names it in the error for a field it has not. */
  readonly typeName?: string;
  /** A key that a map has not prints as `<no value>` (Go's default) instead of being an error (as docker's inspect has it). */
  readonly anyKey?: boolean;
}

/** How deep templates may call each other. */
const MAX_DEPTH = 1000;

interface Variable {
  readonly name: string;
  value: Value;
}

export class Run {
  output = '';
  readonly #source: string;
  readonly #templates: Tree['templates'];
  readonly #root: Value;
  readonly #functions: ReadonlyMap<string, TemplateFunction>;
  readonly #typeName: string | undefined;
  readonly #anyKey: boolean;
  #variables: Variable[];
  /** Of the template that runs, and how many have called each other up to it. */
  #name = '';
  #depth = 0;

  constructor(source: string, { templates }: Tree, root: Value, options: ExecuteOptions) {
    this.#source = source;
    this.#templates = templates;
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
      } else if (node.kind === 'template') this.#template(node, dot);
      else if (!('body' in node)) return node.kind;
      else {
        const depth = this.#variables.length;
        const jump = node.kind === 'range' ? this.#range(node, dot) : this.#branch(node, dot);
        this.#variables.length = depth;
        if (jump !== undefined) return jump;
      }
    }
    return undefined;
  }

  #template(node: Extract<Node, { kind: 'template' }>, dot: Value): void {
    const nodes = this.#templates.get(node.name);
    if (nodes === undefined) throw this.#error(node, `template ${JSON.stringify(node.name)} not defined`);
    if (this.#depth >= MAX_DEPTH) throw this.#error(node, `exceeded maximum template depth (${MAX_DEPTH})`);
    const value = node.pipe === undefined ? undefined : this.#pipe(node.pipe, dot);
    const [variables, name] = [this.#variables, this.#name];
    this.#variables = [{ name: '$', value }];
    this.#name = node.name;
    this.#depth++;
    this.list(nodes, value);
    this.#depth--;
    this.#variables = variables;
    this.#name = name;
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
    if (typeof value === 'number' && Number.isInteger(value))
      return Array.from({ length: Math.max(0, value) }, (_, i) => [i, i]);
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
      if (name === 'and' || name === 'or') return this.#decide(first, rest, dot, piped);
      const target = this.#functions.get(name);
      if (target === undefined) throw this.#error(first, `${JSON.stringify(name)} is not a defined function`);
      const miscounted = wrongCount(name, target, rest.length + piped.length);
      if (miscounted !== undefined) throw this.#error(first, miscounted);
      const whole = { ...first, end: command.at(-1)?.end ?? first.end };
      return this.#call(first, name, target, this.#arguments(rest, dot, piped), whole);
    }
    return this.#operand(first, dot, this.#arguments(rest, dot, piped));
  }

  #arguments(operands: readonly Operand[], dot: Value, piped: readonly Value[]): Argument[] {
    return [
      ...operands.map((operand) => ({ operand, value: this.#operand(operand, dot) })),
      ...piped.map((value) => ({ operand: undefined, value })),
    ];
  }

  #decide(first: Operand, operands: readonly Operand[], dot: Value, piped: readonly Value[]): Value {
    const name = first.head.kind === 'function' ? first.head.name : '';
    const next = [...operands.map((operand) => () => this.#operand(operand, dot)), ...piped.map((v) => () => v)];
    if (next.length === 0) throw this.#error(first, `wrong number of args for ${name}: want at least 1 got 0`);
    let value: Value;
    for (const evaluate of next) {
      value = evaluate();
      if (isTrue(value) === (name === 'or')) return value;
    }
    return value;
  }

  /** @param whole what is named where the call itself fails */
  #call(
    operand: Operand,
    name: string,
    target: TemplateFunction,
    args: readonly Argument[],
    whole: Operand = operand,
  ): Value {
    const wrong = wrongType(target, args);
    if (wrong !== undefined) throw this.#error(wrong.operand ?? operand, wrong.reason);
    try {
      return target.call(...args.map(({ value }) => value));
    } catch (error) {
      if (error instanceof TemplateError) throw error;
      throw this.#error(whole, `error calling ${name}: ${(error as Error).message}`);
    }
  }

  /** The value of an operand; arguments go to the last of its fields. */
  #operand(operand: Operand, dot: Value, args: readonly Argument[] = []): Value {
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
        return undefined;
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

  #field(operand: Operand, value: Value, field: string, args: readonly Argument[]): Value {
    const struct = value === this.#root ? this.#typeName : undefined;
    if (value === null || value === undefined || kindOf(value) === 'pointer') {
      throw this.#error(operand, `nil pointer evaluating interface {}.${field}`);
    }
    // The header of a table is a map with methods: .Label "key".
    const hasMethod = isMap(value) && Object.hasOwn(value, field) && typeof value[field] === 'function';
    if (struct === undefined && args.length > 0 && !hasMethod)
      throw this.#error(operand, `${field} is not a method but has arguments`);
    if (!isMap(value))
      throw this.#error(operand, `can't evaluate field ${field} in type ${this.#typeOf(operand, value)}`);
    if (!Object.hasOwn(value, field)) {
      if (struct !== undefined) throw this.#error(operand, `can't evaluate field ${field} in type ${struct}`);
      // A map of docker's own, such as labels, may have any keys; an object that stands for a struct may not.
      if (this.#anyKey || kindOf(value) !== undefined) return undefined;
      throw this.#error(operand, `map has no entry for key ${JSON.stringify(field)}`);
    }
    const found = value[field];
    const method = typeof found === 'function' ? (found as (...texts: Value[]) => Value) : undefined;
    const parameters = Array.from({ length: method?.length ?? 0 }, () => 'string' as const);
    const target = { parameters, call: method ?? (() => found) };
    const miscounted = wrongCount(field, target, args.length);
    if (miscounted !== undefined) throw this.#error(operand, miscounted);
    return this.#call(operand, field, target, args);
  }

  /** What a document holds is of no type that Go knows; a row's fields and what functions return are. */
  #typeOf(operand: Operand, value: Value): string {
    const typed = this.#typeName !== undefined || operand.head.kind === 'pipe' || operand.head.kind === 'value';
    return typed ? goType(value) : 'interface {}';
  }

  #text({ start, end }: Place): string {
    return this.#source.slice(start, end);
  }

  #error(operand: Place | undefined, reason: string): TemplateError {
    const at = operand?.at ?? 0;
    const column = Buffer.byteLength(this.#source.slice(this.#source.lastIndexOf('\n', at - 1) + 1, at));
    return new TemplateError(
      `template: :${lineOf(this.#source, at)}:${column}: executing ${JSON.stringify(this.#name)} at <${operand === undefined ? '' : this.#text(operand)}>: ${reason}`,
    );
  }
}
