/**
 * Regular expressions that end. JavaScript's go back and forth where Go's run once: `*a*a*a*a*b` takes minutes for a long name, and
 * the one who waits may be the daemon with all that it does.
 */
import { type Context, createContext, Script } from 'node:vm';
import { Code, K3cError } from '../../../api/errors.ts';

/** Ways to try that take a few milliseconds. */
const FEW = 1e6;
const PATIENCE_MS = 1000;

/**
 * The test of an expression without nested repetitions. It throws INVALID_ARGUMENT where an answer would take longer than a second.
 *
 * @param pattern for the error
 */
export function boundedTest(expression: RegExp, pattern: string): (text: string) => boolean {
  // A brace behind \u belongs to a character (glob.ts, literal).
  const repetitions = expression.source.match(/[*+]|(?<!\\u)\{/g)?.length ?? 0;
  let context: Context | undefined;
  let script: Script | undefined;
  return (text) => {
    if (ways(text.length, repetitions) <= FEW) return expression.test(text);
    // A timer of its own thread is dear, so only where it may be needed.
    context ??= createContext({ expression, text });
    script ??= new Script('expression.test(text)');
    context['text'] = text;
    try {
      return script.runInContext(context, { timeout: PATIENCE_MS }) as boolean;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      throw new K3cError(Code.INVALID_ARGUMENT, `the pattern ${JSON.stringify(pattern)} takes too long`, {
        reason: 'bad-input',
        hint: 'write it with fewer wildcards',
      });
    }
  };
}

/** In how many ways so many repetitions can share a text. */
function ways(length: number, repetitions: number): number {
  let count = 1;
  for (let i = 1; i <= repetitions && count <= FEW; i++) count *= (length + i) / i;
  return count;
}
