/** Questions on the user's terminal. */
import type { Readable } from 'node:stream';
import { Code, K3cError } from '../api/errors.ts';
import type { CommandContext } from './context.ts';

const INTERRUPT = 0x03;
const END = 0x04;
const ERASE: readonly number[] = [0x08, 0x7f];
const KILL = 0x15;
const ENDS: readonly number[] = [0x0a, 0x0d];

/** Asks line by line. What was typed ahead of a question is its answer. Close it: the terminal is given back then. */
export class Prompt {
  readonly #context: CommandContext;
  #typed: Buffer = Buffer.alloc(0);
  #input: Readable | undefined;
  #parts: AsyncIterator<Buffer> | undefined;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  /** The line that is typed, without its end. An abort of the command rejects. */
  async line(question: string): Promise<string> {
    this.#context.stdout.write(question);
    return this.#read();
  }

  /** The same, unseen. */
  async secret(question: string): Promise<string> {
    const { terminal, stdout } = this.#context;
    // Raw from before the question, so that nothing typed at it is shown.
    terminal.setRawMode(true);
    try {
      stdout.write(question);
      return edited(await this.#read());
    } finally {
      terminal.setRawMode(false);
      stdout.write('\n');
    }
  }

  close(): void {
    this.#input?.pause();
  }

  /** Up to the end of a line; raw mode hands over every key, so the keys that matter are looked for here. */
  async #read(): Promise<string> {
    for (let looked = 0; ; ) {
      for (; looked < this.#typed.length; looked++) {
        const key = this.#typed[looked] ?? 0;
        if (key === INTERRUPT) throw new K3cError(Code.CANCELLED, 'canceled');
        if (key !== END && !ENDS.includes(key)) continue;
        const line = this.#typed.subarray(0, looked).toString('utf8');
        const next = key === 0x0d && this.#typed[looked + 1] === 0x0a ? looked + 2 : looked + 1;
        this.#typed = this.#typed.subarray(next);
        return line;
      }
      const more = await this.#next();
      if (more === undefined) {
        const line = this.#typed.toString('utf8');
        this.#typed = Buffer.alloc(0);
        return line;
      }
      this.#typed = Buffer.concat([this.#typed, more]);
    }
  }

  async #next(): Promise<Buffer | undefined> {
    const { signal } = this.#context;
    this.#input ??= this.#context.stdin();
    this.#parts ??= this.#input.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(new K3cError(Code.CANCELLED, 'canceled'));
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const { done, value } = await Promise.race([this.#parts.next(), aborted.promise]);
      return done === true ? undefined : Buffer.from(value);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}

/** What is left of keys once the erasing ones have done their work. */
function edited(typed: string): string {
  let kept: string[] = [];
  for (const key of typed) {
    const code = key.codePointAt(0) ?? 0;
    if (ERASE.includes(code)) kept.pop();
    else if (code === KILL) kept = [];
    else kept.push(key);
  }
  return kept.join('');
}
