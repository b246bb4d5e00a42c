/** From a template to its tree: text, actions, blocks, and templates within it. */
import { parseString } from './literals.ts';
import { PipelineParser } from './pipeline.ts';
import { Tokens } from './tokens.ts';
import type { Node, Tree } from './tree.ts';

const CONTROL = ['if', 'with', 'range', 'else', 'end', 'break', 'continue', 'define', 'template', 'block'];

/** Parses a template; `functions` are the names it may call. Throws TemplateError with Go's sentences. */
export function parseTemplate(source: string, functions: ReadonlySet<string>): Tree {
  return new Parser(source, functions).parse();
}

interface List {
  readonly nodes: Node[];
  /** The word that ended it; undefined at the end of the template. */
  readonly ending: 'else' | 'end' | undefined;
}

class Parser {
  readonly #tokens: Tokens;
  readonly #pipelines: PipelineParser;
  readonly #templates = new Map<string, readonly Node[]>();
  #loops = 0;
  #depth = 0;

  constructor(source: string, functions: ReadonlySet<string>) {
    this.#tokens = new Tokens(source);
    this.#pipelines = new PipelineParser(this.#tokens, functions);
  }

  parse(): Tree {
    const { nodes, ending } = this.#list();
    if (ending !== undefined) throw this.#tokens.error(`unexpected {{${ending}}}`);
    return { nodes, templates: this.#templates };
  }

  #list(): List {
    const nodes: Node[] = [];
    for (let token = this.#tokens.peek(); token !== undefined; token = this.#tokens.peek()) {
      this.#tokens.take();
      if (token.kind === 'text') {
        nodes.push({ kind: 'text', text: token.text });
        continue;
      }
      const word = this.#tokens.peek();
      if (word?.kind !== 'word' || !CONTROL.includes(word.text)) {
        nodes.push({ kind: 'action', pipe: this.#pipelines.pipe('command') });
        continue;
      }
      this.#tokens.take();
      if (word.text === 'end') {
        this.#tokens.close('end');
        return { nodes, ending: 'end' };
      }
      if (word.text === 'else') return { nodes, ending: 'else' };
      const node = this.#control(word.text, token.at);
      if (node !== undefined) nodes.push(node);
    }
    return { nodes, ending: undefined };
  }

  /** What a word begins; `define` leaves no node. */
  #control(word: string, start: number): Node | undefined {
    switch (word) {
      case 'if':
      case 'with':
      case 'range':
        return this.#block(word);
      case 'break':
      case 'continue':
        this.#tokens.close(`{{${word}}}`);
        if (this.#loops === 0) throw this.#tokens.error(`{{${word}}} outside {{range}}`);
        return { kind: word };
      case 'define':
        if (this.#depth > 0) throw this.#tokens.error('unexpected {{define}}');
        this.#define(this.#name('define clause'), () => this.#tokens.close('define clause'));
        return undefined;
      case 'template':
        return this.#call(start, this.#name('template clause'), 'template clause');
      default: {
        const name = this.#name('block clause');
        const call = this.#call(start, name, 'block clause');
        this.#define(name);
        return call;
      }
    }
  }

  #name(context: string): string {
    const token = this.#tokens.take();
    if (token.kind !== 'string') throw this.#tokens.error(`unexpected ${JSON.stringify(token.text)} in ${context}`);
    return parseString(token.text);
  }

  #call(start: number, name: string, context: string): Node {
    const at = this.#tokens.last?.at ?? start;
    const bare = context === 'template clause' && this.#tokens.peek()?.kind === 'close';
    const pipe = bare ? undefined : this.#pipelines.pipe(context);
    if (bare) this.#tokens.close(context);
    const end = this.#tokens.last;
    return { kind: 'template', name, pipe, start, end: (end?.at ?? at) + 2, at };
  }

  /** The body of a template of its own, which sees no variables but `$`. */
  #define(name: string, head: () => void = () => undefined): void {
    head();
    const { variables } = this.#pipelines;
    const loops = this.#loops;
    this.#pipelines.variables = ['$'];
    this.#loops = 0;
    this.#templates.set(name, this.#body());
    this.#pipelines.variables = variables;
    this.#loops = loops;
  }

  /** Nodes up to their `end`. */
  #body(): Node[] {
    this.#depth++;
    const { nodes, ending } = this.#list();
    this.#depth--;
    if (ending === 'else') throw this.#tokens.error('expected end; found {{else}}');
    if (ending === undefined) throw this.#tokens.error('unexpected EOF');
    return nodes;
  }

  #block(kind: 'if' | 'with' | 'range'): Node {
    const known = this.#pipelines.variables;
    this.#pipelines.variables = [...known];
    const pipe = this.#pipelines.pipe(kind);
    this.#depth++;
    if (kind === 'range') this.#loops++;
    const { nodes: body, ending } = this.#list();
    if (kind === 'range') this.#loops--;
    this.#depth--;
    let otherwise: Node[] = [];
    if (ending === 'else') {
      const word = this.#tokens.peek();
      if (kind !== 'range' && word?.kind === 'word' && word.text === kind) {
        // `else if` is an if in the else, and shares its end.
        this.#tokens.take();
        otherwise = [this.#block(kind)];
      } else {
        this.#tokens.close('else');
        otherwise = this.#body();
      }
    } else if (ending === undefined) throw this.#tokens.error('unexpected EOF');
    this.#pipelines.variables = known;
    return { kind, pipe, body, otherwise };
  }
}
