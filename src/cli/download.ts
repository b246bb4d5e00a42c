/** A file on the web, read by the client. */
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { CommandContext } from './context.ts';
import { CliError } from './errors.ts';

/** The body of an answer to GET; redirections are followed, a user in the URL is sent. Throws CliError where there is none. */
export async function download(context: Pick<CommandContext, 'signal'>, text: string): Promise<Readable> {
  const { signal } = context;
  if (!URL.canParse(text)) throw new CliError(`cannot fetch ${withoutUser(text)}: it is no URL`);
  const url = new URL(text);
  const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  const headers = user === ':' ? {} : { authorization: `Basic ${Buffer.from(user).toString('base64')}` };
  // fetch takes no URL with a user in it, and quotes it when it refuses.
  url.username = '';
  url.password = '';
  let answer: Response;
  try {
    answer = await fetch(url, { signal, headers });
  } catch (cause) {
    signal.throwIfAborted();
    // fetch says only that it failed; why is in its cause.
    const { message } = ((cause as Error).cause ?? cause) as Error;
    throw new CliError(`cannot fetch ${url.href}: ${message}`, { cause });
  }
  if (!answer.ok || answer.body === null) {
    await answer.body?.cancel();
    throw new CliError(`cannot fetch ${url.href}: ${answer.status} ${answer.statusText}`);
  }
  return Readable.fromWeb(answer.body as ReadableStream<Uint8Array>);
}

/** For messages, and for the history of an image: what stands before the host is nobody else's. */
export function withoutUser(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//');
}
