/** docker's question before something is removed. */
import type { CommandContext } from './context.ts';
import { Prompt } from './prompt.ts';

/** Prints a warning that ends in a question; true for `y`. The end of the input, and anything else, is a no. */
export async function confirm(context: CommandContext, warning: string): Promise<boolean> {
  const prompt = new Prompt(context);
  try {
    return (await prompt.line(`${warning} [y/N] `)).trim().toLowerCase() === 'y';
  } finally {
    prompt.close();
  }
}
