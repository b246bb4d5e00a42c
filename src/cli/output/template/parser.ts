/** From a template to its tree: text, actions, if, with, range; pipelines of commands of operands. */
import { lineOf, TemplateError, type Token, tokenize } from './lexer.ts';

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipe: Pipe }
  | { readonly kind: 'if' | 'with' | 'range'; readonly pipe: Pipe; readonly body: Node[]; readonly otherwise: Node[] }
  | { readonly kind: 'break' | 'continue' };

export interface Pipe {
  /** Variables it declares or assigns. */
  readonly variables: readonly string[];
  readonly declares: boolean;
  readonly commands: readonly Command[];
}

/** A function or field with its arguments, or one value. */
export type Command = readonly [Operand, ...Operand[]];

export interface Operand {
  readonly head:
    | { readonly kind: 'dot' | 'nil' }
    | { readonly kind: 'value'; readonly value: string | number | bigint | boolean }
    | { readonly kind: 'variable' | 'function'; readonly name: string }
    | { readonly kind: 'pipe'; readonly pipe: Pipe };
  /** Fields after it: `.A.B`. */
  readonly fields: readonly string[];
  /** Where it begins and ends, and where an error of its fields is: Go names the second field of a chain. */
  readonly start: number;
  readonly end: number;
  readonly at: number;
}

const CONTROL = ['if', 'with', 'range', 'else', 'end', 'break', 'continue', 'define', 'template', 'block'];

/** Parses a template; `functions` are the names it may call. Throws TemplateError with Go's sentences. */
export function parseTemplate(source: string, functions: ReadonlySet<string>): Node[] {
  return new Parser(source, functions).parse();
}

class Parser {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  readonly #functions: ReadonlySet<string>;
  /** Variables that may be named here; a block's own end with it. */
  #variables: string[] = ['$'];
  #loops = 0;
  #next = 0;

  constructor(source: string, functions: ReadonlySet<string>) {
    this.#source = source;
    this.#functions = functions;
    this.#tokens = tokenize(source);
  }

  parse(): Node[] {
    const { nodes, ending } = this.#list();
    if (ending !== undefined) throw this.#error(`unexpected {{${ending}}}`);
    return nodes;
  }

  #error(reason: string, token = this.#tokens[this.#next - 1]): TemplateError {
    return new TemplateError(`template: :${lineOf(this.#source, token?.at ?? this.#source.length)}: ${reason}`);
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  #take(): Token {
    const token = this.#tokens[this.#next++];
    if (token === undefined) throw this.#error('unexpected EOF');
    return token;
  }

  #close(context: string): void {
    const token = this.#take();
    if (token.kind !== 'close') throw this.#error(`unexpected <${token.text}> in ${context}`);
  }

  /** Nodes up to an `else` or `end`, which is named, or to the end of the template. */
  #list(): { nodes: Node[]; ending: 'else' | 'end' | undefined } {
    const nodes: Node[] = [];
    for (let token = this.#peek(); token !== undefined; token = this.#peek()) {
      this.#next++;
      if (token.kind === 'text') {
        nodes.push({ kind: 'text', text: token.text });
        continue;
      }
      const word = this.#peek();
      if (word?.kind !== 'word' || !CONTROL.includes(word.text)) {
        nodes.push({ kind: 'action', pipe: this.#pipe('command') });
        continue;
      }
      this.#next++;
      switch (word.text) {
        case 'if':
        case 'with':
        case 'range':
          nodes.push(this.#block(word.text));
          break;
        case 'break':
        case 'continue':
          if (this.#loops === 0) throw this.#error(`{{${word.text}}} outside {{range}}`);
          this.#close(word.text);
          nodes.push({ kind: word.text });
          break;
        case 'end':
          this.#close('end');
          return { nodes, ending: 'end' };
        case 'else':
          return { nodes, ending: 'else' };
        default:
          throw this.#error(`{{${word.text}}} is not supported`);
      }
    }
    return { nodes, ending: undefined };
  }

  #block(kind: 'if' | 'with' | 'range'): Node {
    const known = this.#variables;
    this.#variables = [...known];
    const pipe = this.#pipe(kind);
    if (kind === 'range') this.#loops++;
    const { nodes: body, ending } = this.#list();
    if (kind === 'range') this.#loops--;
    let otherwise: Node[] = [];
    if (ending === 'else') {
      const word = this.#peek();
      if (kind !== 'range' && word?.kind === 'word' && word.text === kind) {
        // `else if` is an if in the else, and shares its end.
        this.#next++;
        otherwise = [this.#block(kind)];
      } else {
        this.#close('else');
        const rest = this.#list();
        if (rest.ending === 'else') throw this.#error('expected end; found {{else}}');
        if (rest.ending === undefined) throw this.#error('unexpected EOF');
        otherwise = rest.nodes;
      }
    } else if (ending === undefined) throw this.#error('unexpected EOF');
    this.#variables = known;
    return { kind, pipe, body, otherwise };
  }

  /** A pipeline up to and with its closing delimiter or parenthesis. */
  #pipe(context: string, closing = '}}'): Pipe {
    const { variables, declares } = this.#declaration(context);
    const commands: Command[] = [];
    for (;;) {
      const operands: Operand[] = [];
      for (let token = this.#peek(); token !== undefined && !isEnd(token); token = this.#peek()) {
        operands.push(this.#operand(context));
      }
      const [first, ...rest] = operands;
      const end = this.#take();
      if (first === undefined) throw this.#error(`missing value for ${context}`);
      if (commands.length > 0 && first.head.kind !== 'function' && first.fields.length === 0) {
        throw this.#error(`non executable command in pipeline stage ${commands.length + 1}`);
      }
      commands.push([first, ...rest]);
      if (end.text === '|') continue;
      if (end.text !== closing) {
        throw this.#error(end.text === ')' ? 'unexpected right paren' : 'unclosed left paren');
      }
      return { variables, declares, commands };
    }
  }

  #declaration(context: string): { variables: string[]; declares: boolean } {
    const variables: string[] = [];
    const start = this.#next;
    for (let token = this.#peek(); token?.kind === 'variable'; token = this.#peek()) {
      variables.push(this.#take().text);
      const sign = this.#peek();
      if (sign?.text === ',' && context === 'range') this.#next++;
      else if (sign?.text === ':=' || sign?.text === '=') {
        this.#next++;
        if (sign.text === ':=') this.#variables.push(...variables);
        else for (const name of variables) this.#known(name);
        return { variables, declares: sign.text === ':=' };
      } else break;
    }
    this.#next = start;
    return { variables: [], declares: false };
  }

  #known(name: string): string {
    if (!this.#variables.includes(name)) throw this.#error(`undefined variable ${JSON.stringify(name)}`);
    return name;
  }

  #operand(context: string): Operand {
    const start = this.#take();
    const fields: string[] = [];
    const head = this.#head(start, fields, context);
    const chain = this.#peek();
    const at = chain?.kind === 'field' && chain.glued ? chain.at : start.at;
    for (let token = this.#peek(); token?.kind === 'field' && token.glued; token = this.#peek()) {
      fields.push(this.#take().text.slice(1));
    }
    const last = this.#tokens[this.#next - 1] ?? start;
    return { head, fields, start: start.at, end: last.at + last.text.length, at };
  }

  #head(token: Token, fields: string[], context: string): Operand['head'] {
    switch (token.kind) {
      case 'dot':
        return { kind: 'dot' };
      case 'field':
        fields.push(token.text.slice(1));
        return { kind: 'dot' };
      case 'variable':
        return { kind: 'variable', name: this.#known(token.text) };
      case 'string':
        return { kind: 'value', value: this.#string(token) };
      case 'char':
        return { kind: 'value', value: this.#string(token).codePointAt(0) ?? 0 };
      case 'number': {
        const text = token.text.replaceAll('_', '');
        const value = /^[+-]?\d+$/.test(text) ? BigInt(text.replace('+', '')) : Number(text);
        if (Number.isNaN(value)) throw this.#error(`bad number syntax: ${JSON.stringify(token.text)}`);
        return { kind: 'value', value: typeof value === 'bigint' && fits(value) ? Number(value) : value };
      }
      case 'word':
        if (token.text === 'true' || token.text === 'false') return { kind: 'value', value: token.text === 'true' };
        if (token.text === 'nil') return { kind: 'nil' };
        if (!this.#functions.has(token.text)) throw this.#error(`function ${JSON.stringify(token.text)} not defined`);
        return { kind: 'function', name: token.text };
      default:
        if (token.text === '(') return { kind: 'pipe', pipe: this.#pipe('parenthesized pipeline', ')') };
        throw this.#error(`unexpected ${JSON.stringify(token.text)} in ${context}`);
    }
  }

  #string(token: Token): string {
    const inner = token.text.slice(1, -1);
    if (token.text.startsWith('`')) return inner;
    return inner.replace(
      /\\(?:([abfnrtv\\"'])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gs,
      (_all, simple?: string, x?: string, u?: string, long?: string, octal?: string) => {
        if (simple !== undefined) return ESCAPES[simple] ?? simple;
        if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
        const code = x ?? u ?? long;
        if (code === undefined) throw this.#error(`invalid syntax: ${token.text}`, token);
        return String.fromCodePoint(Number.parseInt(code, 16));
      },
    );
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function isEnd(token: Token): boolean {
  return token.kind === 'close' || (token.kind === 'sign' && (token.text === '|' || token.text === ')'));
}

function fits(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
}
