/** Pipelines: declarations, commands joined by `|`, their operands with fields. */
import type { Token } from './lexer.ts';
import { parseCharacter, parseNumber, parseString } from './literals.ts';
import type { Tokens } from './tokens.ts';
import type { Command, Operand, Pipe } from './tree.ts';

export class PipelineParser {
  /** Variables that may be named here; a block's own end with it. */
  variables: string[] = ['$'];
  readonly #tokens: Tokens;
  readonly #functions: ReadonlySet<string>;

  constructor(tokens: Tokens, functions: ReadonlySet<string>) {
    this.#tokens = tokens;
    this.#functions = functions;
  }

  /** A pipeline up to and with its closing delimiter or parenthesis. */
  pipe(context: string, closing = '}}'): Pipe {
    const tokens = this.#tokens;
    const { variables, declares } = tokens.attempt(() => this.#declaration(context)) ?? NO_VARIABLES;
    const commands: Command[] = [];
    for (;;) {
      const operands: Operand[] = [];
      for (let token = tokens.peek(); token !== undefined && !isEnd(token); token = tokens.peek()) {
        operands.push(this.#operand(context));
      }
      const [first, ...rest] = operands;
      const end = tokens.take();
      if (first === undefined) {
        throw tokens.error(end.text === '|' ? `unexpected "|" in ${context}` : `missing value for ${context}`);
      }
      if (commands.length > 0 && first.head.kind !== 'function' && first.fields.length === 0) {
        throw tokens.error(`non executable command in pipeline stage ${commands.length + 1}`);
      }
      commands.push([first, ...rest]);
      if (end.text === '|') continue;
      if (end.text !== closing) {
        throw tokens.error(end.text === ')' ? 'unexpected right paren' : 'unclosed left paren');
      }
      return { variables, declares, commands };
    }
  }

  #declaration(context: string): { variables: string[]; declares: boolean } | undefined {
    const tokens = this.#tokens;
    const variables: string[] = [];
    for (let token = tokens.peek(); token?.kind === 'variable'; token = tokens.peek()) {
      variables.push(tokens.take().text);
      const sign = tokens.peek()?.text;
      if (sign === ',') {
        tokens.take();
        if (context !== 'range' || variables.length > 1) throw tokens.error(`too many declarations in ${context}`);
      } else if (sign === ':=' || sign === '=') {
        tokens.take();
        if (sign === ':=') this.variables.push(...variables);
        else for (const name of variables) this.#known(name);
        return { variables, declares: sign === ':=' };
      } else return undefined;
    }
    return undefined;
  }

  #known(name: string): string {
    if (!this.variables.includes(name)) throw this.#tokens.error(`undefined variable ${JSON.stringify(name)}`);
    return name;
  }

  #operand(context: string): Operand {
    const tokens = this.#tokens;
    const start = tokens.take();
    const fields: string[] = [];
    const head = this.#head(start, fields, context);
    const chain = tokens.peek();
    const at = chain?.kind === 'field' && chain.glued ? chain.at : start.at;
    for (let token = tokens.peek(); token?.kind === 'field' && token.glued; token = tokens.peek()) {
      fields.push(tokens.take().text.slice(1));
    }
    const last = tokens.last ?? start;
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
        return { kind: 'value', value: this.#literal(parseString, token) };
      case 'char':
        return { kind: 'value', value: this.#literal(parseCharacter, token) };
      case 'number':
        return { kind: 'value', value: this.#literal(parseNumber, token) };
      case 'word':
        if (token.text === 'true' || token.text === 'false') return { kind: 'value', value: token.text === 'true' };
        if (token.text === 'nil') return { kind: 'nil' };
        if (!this.#functions.has(token.text))
          throw this.#tokens.error(`function ${JSON.stringify(token.text)} not defined`);
        return { kind: 'function', name: token.text };
      default:
        if (token.text === '(') return { kind: 'pipe', pipe: this.pipe('parenthesized pipeline', ')') };
        throw this.#tokens.error(`unexpected ${JSON.stringify(token.text)} in ${context}`);
    }
  }

  #literal<T>(parse: (text: string) => T, token: Token): T {
    try {
      return parse(token.text);
    } catch (error) {
      throw this.#tokens.error((error as Error).message, token);
    }
  }
}

const NO_VARIABLES = { variables: [], declares: false };

function isEnd(token: Token): boolean {
  return token.kind === 'close' || (token.kind === 'sign' && (token.text === '|' || token.text === ')'));
}
