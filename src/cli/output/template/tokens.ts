/** Reads the tokens of a template one after the other, and says where it stands when one is wrong. */
import { lineOf, TemplateError, type Token, tokenize } from './lexer.ts';

export class Tokens {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = tokenize(source);
  }

  peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  take(): Token {
    const token = this.#tokens[this.#next++];
    if (token === undefined) throw this.error('unexpected EOF');
    return token;
  }

  /** The token taken last. */
  get last(): Token | undefined {
    return this.#tokens[this.#next - 1];
  }

  /** Takes what must close an action. */
  close(context: string): void {
    const token = this.take();
    if (token.kind !== 'close') throw this.error(`unexpected ${JSON.stringify(token.text)} in ${context}`);
  }

  /** Runs an attempt; where it gives undefined, its tokens are as untaken. */
  attempt<T>(act: () => T | undefined): T | undefined {
    const start = this.#next;
    const result = act();
    if (result === undefined) this.#next = start;
    return result;
  }

  /** An error at a token, the last one unless given. */
  error(reason: string, token = this.last): TemplateError {
    return new TemplateError(`template: :${lineOf(this.#source, token?.at ?? this.#source.length)}: ${reason}`);
  }
}
