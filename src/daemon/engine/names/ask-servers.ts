/** One question to several servers, until one of them answers. */
import { ResponseCode, responseCode } from './message.ts';

export interface AskServers {
  /** Whom to ask, one after the other; the later rounds only where somebody was silent. */
  readonly rounds: readonly (readonly string[])[];
  /** Rejects when there will be no answer. */
  readonly ask: (address: string, signal: AbortSignal) => Promise<Buffer>;
  /** What one server gets before the next one is asked, too. */
  readonly turnMs: number;
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** Told of each server that answers, and of each that fails or lets its turn pass. */
  readonly onHeard: (address: string, answered: boolean) => void;
}

/**
 * The first answer that helps; a failure that a server tells of (SERVFAIL, REFUSED) when no other knows better. All are asked again while
 * there is time, for a lost datagram is the usual reason for silence, and who is slow is listened to until the end: a resolver may itself
 * have to ask for longer than a turn. Rejects with the last failure, or the signal's reason.
 */
export async function askServers(options: AskServers): Promise<Buffer> {
  const { rounds, ask, turnMs, patienceMs, signal, onHeard } = options;
  const over = new AbortController();
  const onAbort = () => over.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => over.abort(new DOMException('no answer in time', 'TimeoutError')), patienceMs);
  const helpful = Promise.withResolvers<Buffer>();
  let unhelpful: Buffer | undefined;
  let failure: unknown = new Error('no server was asked');
  const question = async (address: string): Promise<undefined> => {
    try {
      const answer = await ask(address, over.signal);
      onHeard(address, true);
      if (isUnhelpful(answer)) unhelpful ??= answer;
      else helpful.resolve(answer);
    } catch (error) {
      failure = error;
      if (!over.signal.aborted) onHeard(address, false);
    }
  };
  const questions: Promise<undefined>[] = [];
  try {
    for (const round of rounds) {
      let silent = false;
      for (const address of round) {
        if (over.signal.aborted) break;
        const asked = question(address);
        questions.push(asked);
        const heard = await inTurn(turnMs, [helpful.promise, asked]);
        if (heard === 'late') {
          silent = true;
          onHeard(address, false);
        } else if (heard !== undefined) return heard;
      }
      if (unhelpful !== undefined) return unhelpful;
      // Nobody listens there, or no way leads there: asking again at once changes nothing.
      if (!silent) break;
    }
    const answer = await Promise.race([helpful.promise, Promise.all(questions)]);
    if (Buffer.isBuffer(answer)) return answer;
    if (unhelpful !== undefined) return unhelpful;
    throw failure;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    over.abort();
  }
}

async function inTurn<T>(milliseconds: number, promises: readonly Promise<T>[]): Promise<T | 'late'> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const timer = setTimeout(resolve, milliseconds, 'late');
  try {
    return await Promise.race([...promises, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What another server may know better (glibc, res_send.c goes on with the next one for the same three). */
function isUnhelpful(answer: Buffer): boolean {
  const code = responseCode(answer);
  return code === ResponseCode.SERVFAIL || code === ResponseCode.NOTIMP || code === ResponseCode.REFUSED;
}
