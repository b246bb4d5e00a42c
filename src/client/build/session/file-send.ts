/** FileSend.DiffCopy: the results of a build that are written on the client's side. */
import { Code, K3cError } from '../../../api/errors.ts';
import type { RawCall, RawHandler } from './raw-call.ts';
import { receiveTree } from './receive-tree.ts';
import { dataOf } from './tunnel.ts';

export const FILE_SEND_PATH = '/moby.filesync.v1.FileSend/DiffCopy';

/** Where a stream of bytes goes. */
export interface ByteSink {
  /** Resolves when more may be written. */
  write(data: Buffer): Promise<void>;
  /** All came: make it permanent. */
  commit(): Promise<void>;
  /** The build failed: leave nothing behind. */
  abort(): Promise<void>;
}

/** An output on the client's side: a directory to fill, or one stream (an archive). */
export type ClientOutput =
  | {
      readonly directory: string;
      /** Whether what is there and was not sent goes. */
      readonly mirror: boolean;
    }
  | { readonly open: () => Promise<ByteSink> };

/** Serves the outputs by their place in the list of exporters. */
export function fileSendHandler(outputs: ReadonlyMap<number, ClientOutput>): RawHandler {
  return async (call) => {
    const index = Number(call.values('buildkit-attachable-exporter-id')?.[0] ?? 0);
    const output = outputs.get(index);
    if (output === undefined) throw new K3cError(Code.NOT_FOUND, `exporter ${index} not found`);
    call.accept();
    if ('directory' in output) await receiveTree(call, output.directory, output.mirror);
    else await receiveBytes(call, await output.open());
  };
}

/** Bytes that are written at once: a message is some 32 kB, and a write of its own for each takes as long as the bytes. */
const BATCH = 1 << 20;

async function receiveBytes(call: RawCall, sink: ByteSink): Promise<void> {
  let batch: Buffer[] = [];
  let size = 0;
  // One write is under way while the next is being collected.
  let writing: Promise<void> = Promise.resolve();
  const flush = async () => {
    await writing;
    writing = sink.write(Buffer.concat(batch, size));
    // It is met at the next flush, or at the end.
    writing.catch(() => undefined);
    batch = [];
    size = 0;
  };
  try {
    for await (const message of call.messages()) {
      const data = dataOf(message);
      batch.push(data);
      size += data.length;
      if (size >= BATCH) await flush();
    }
    await flush();
    await writing;
    await sink.commit();
  } catch (error) {
    // Not while a write is under way; should that fail too, the first failure is the one to tell.
    await writing.catch(() => undefined);
    await sink.abort();
    throw error;
  }
}
