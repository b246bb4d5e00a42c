/** What the listeners for questions are, whatever their protocol. */
import type { Query } from './message.ts';

export interface NameListener {
  readonly port: number;
  close(): void;
}

export interface ListenerOptions {
  readonly address: string;
  /** 0: the kernel picks one, the same for both protocols. */
  readonly port: number;
  /** Whether one who asks from there is answered at all. */
  readonly admits: (address: string) => boolean;
  /** Answers a question within so many bytes; undefined: not at all. Never rejects. */
  readonly answer: (
    bytes: Buffer,
    from: string,
    limit: (query: Query) => number,
  ) => Promise<Buffer | undefined> | Buffer | undefined;
}
