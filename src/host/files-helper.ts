/** k3c-files as a child: tar in or out through its pipes, its failures as errors with a kind (src/launcher/README.md). */
import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { ChildOutput } from './child-output.ts';
import { setSendBuffer } from './libc.ts';

const KINDS = ['not-found', 'not-directory', 'conflict', 'read-only', 'bad-archive', 'gone', 'io'] as const;
export type FilesKind = (typeof KINDS)[number];

/** What k3c-files could not do: a kind for programs, a sentence for people. */
export class FilesError extends Error {
  override readonly name = 'FilesError';
  readonly kind: FilesKind;

  constructor(kind: FilesKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface FilesJob {
  readonly stdin: Writable;
  readonly stdout: AsyncIterable<Buffer>;
  /** Settles when the process is gone: rejects with a FilesError for what it could not do. */
  readonly done: Promise<void>;
  /** Lets what it writes go unread; without a reader it would never be over. */
  discard(): void;
  /** Ends it at once; `done` rejects. Nothing happens when it is gone already. */
  stop(): void;
}

/** Starts one job. An abort ends it, and `done` rejects with the signal's reason. */
export function startFiles(helper: string, args: readonly string[], signal?: AbortSignal): FilesJob {
  const child = spawn(helper, args, { stdio: ['pipe', 'pipe', 'pipe'], env: {} });
  const words: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => words.push(chunk));
  child.stdin.on('error', () => {
    // It ended without reading everything (EPIPE); its exit tells why.
  });
  widen(child.stdin);
  const output = new ChildOutput(child.stdout);
  const stop = () => void child.kill('SIGKILL');
  signal?.addEventListener('abort', stop, { once: true });
  const done = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, by) => {
      signal?.removeEventListener('abort', stop);
      if (code === 0) resolve();
      else if (signal?.aborted === true) reject(signal.reason);
      else reject(failure(Buffer.concat(words).toString('utf8'), by));
    });
  });
  // Whoever started it waits for it, but maybe only after the pipes.
  done.catch(() => undefined);
  if (signal?.aborted === true) stop();
  return { stdin: child.stdin, stdout: output, done, discard: () => output.discard(), stop };
}

/** What a pipe to a child holds: with the usual 208 kB both sides wait for each other after every other chunk. */
const PIPE_BYTES = 1 << 20;

/** Node's pipes to children are sockets. Where it is refused, or Node has them another way, it is slower and works all the same. */
function widen(pipe: Writable): void {
  const { _handle: handle } = pipe as unknown as { readonly _handle?: { readonly fd?: number } | null };
  if (handle?.fd !== undefined && handle.fd >= 0) setSendBuffer(handle.fd, PIPE_BYTES);
}

function failure(words: string, by: NodeJS.Signals | null): FilesError {
  const [, word = '', message] = /^([a-z-]+)\t([\s\S]*?)\n?$/.exec(words) ?? [];
  const kind = KINDS.find((known) => known === word);
  if (kind !== undefined && message !== undefined) return new FilesError(kind, message);
  return new FilesError('io', by === null ? `k3c-files failed: ${words.trim()}` : `k3c-files was ended by ${by}`);
}

/** Writes chunks to all jobs, no faster than the slowest reads, then ends their input. Returns early when one has ended. */
export async function feed(jobs: readonly FilesJob[], chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const gone = Promise.race(jobs.map(({ stdin }) => new Promise<void>((resolve) => stdin.once('close', resolve))));
  for await (const chunk of chunks) {
    for (const { stdin } of jobs) {
      if (stdin.destroyed) return;
      if (stdin.write(chunk)) continue;
      const drained = Promise.withResolvers<void>();
      stdin.once('drain', drained.resolve);
      await Promise.race([drained.promise, gone]);
      stdin.off('drain', drained.resolve);
    }
  }
  for (const { stdin } of jobs) stdin.end();
}

/** What `stat` and `pack` say first. */
export interface FileStat {
  /** st_mode of stat(2). */
  readonly mode: number;
  readonly size: number;
  /** Nanoseconds since the epoch. */
  readonly modified: bigint;
  /** Of a symbolic link: where it leads to, all links followed. */
  readonly linkTarget: string;
}

/** Takes the description from the front of a job's output; the rest is in `rest`. Undefined when the job ended before it. */
export async function readStat(
  output: AsyncIterable<Buffer>,
): Promise<{ readonly stat: FileStat; readonly rest: AsyncIterable<Buffer> } | undefined> {
  const taken = await readTexts(output, 2);
  if (taken === undefined) return undefined;
  const [numbers = '', linkTarget = ''] = taken.texts;
  const [mode = '', size = '', seconds = '', nanoseconds = ''] = numbers.split(' ');
  const modified = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
  return { stat: { mode: Number.parseInt(mode, 8), size: Number(size), modified, linkTarget }, rest: taken.rest };
}

/** Takes so many texts that end with NUL from the front of an output. */
export async function readTexts(
  output: AsyncIterable<Buffer>,
  count: number,
): Promise<{ readonly texts: readonly string[]; readonly rest: AsyncIterable<Buffer> } | undefined> {
  const source = output[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  for (;;) {
    const texts: string[] = [];
    let at = 0;
    for (let end = head.indexOf(0); end >= 0 && texts.length < count; end = head.indexOf(0, at)) {
      texts.push(head.toString('utf8', at, end));
      at = end + 1;
    }
    if (texts.length === count) return { texts, rest: following(head.subarray(at), source) };
    const { done, value } = await source.next();
    if (done === true) return undefined;
    head = Buffer.concat([head, value]);
  }
}

async function* following(head: Buffer, source: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    if (head.length > 0) yield head;
    for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value;
  } finally {
    await source.return?.();
  }
}
