/** containerd's content service over layouts of the client, for the daemon to read and write caches and OCI outputs. */
import { Code, K3cError } from '../../../api/errors.ts';
import {
  ContentDefinition,
  type InfoResponse,
  WriteAction,
  type WriteContentRequest,
} from '../../../api/gen/services/content/v1/content.ts';
import type { RpcServer } from '../../../api/rpc/server.ts';
import type { Metadata, ServerCall } from '../../../api/rpc/types.ts';
import type { BlobWriter } from './blob-writer.ts';
import type { ImageLayout } from './layout.ts';

/** The metadata field that says which store a call is for. */
const STORE_ID = 'buildkit-attachable-store-id';

const { methods } = ContentDefinition;
/** What BuildKit calls; the rest is for a store's own housekeeping. */
const ServedDefinition = {
  ...ContentDefinition,
  methods: {
    info: methods.info,
    update: methods.update,
    read: methods.read,
    status: methods.status,
    listStatuses: methods.listStatuses,
    write: methods.write,
    abort: methods.abort,
  },
} as const;

/** Serves the layouts by the id of the store. */
export function serveContent(server: RpcServer, layouts: ReadonlyMap<string, ImageLayout>): void {
  const layoutOf = ({ metadata }: { readonly metadata: Metadata }): ImageLayout => {
    const id = metadata.find(([name]) => name === STORE_ID)?.[1] ?? '';
    const layout = layouts.get(id);
    if (layout === undefined) throw new K3cError(Code.NOT_FOUND, `unknown store ${id}`);
    return layout;
  };
  const infoOf = async (layout: ImageLayout, digest: string): Promise<InfoResponse> => {
    const found = await layout.info(digest);
    if (found === undefined) throw new K3cError(Code.NOT_FOUND, `content ${digest}: not found`);
    const time = toTimestamp(found.modified);
    return { info: { digest, size: BigInt(found.size), createdAt: time, updatedAt: time, labels: {} } };
  };
  server.add(ServedDefinition, {
    info: async ({ digest }, call) => await infoOf(layoutOf(call), digest),
    // A layout keeps no labels; they serve the daemon's own garbage collection, which does not reach here.
    update: async ({ info }, call) => await infoOf(layoutOf(call), info?.digest ?? ''),
    read: async ({ digest, offset, size }, call) => {
      let at = Number(offset);
      for await (const data of layoutOf(call).read(digest, at, Number(size))) {
        await call.send({ offset: BigInt(at), data });
        at += data.length;
      }
    },
    // Every write begins anew: nothing of an interrupted one is kept.
    status: async ({ ref }) => {
      throw new K3cError(Code.NOT_FOUND, `no write of ${ref} is under way`);
    },
    listStatuses: async () => ({ statuses: [] }),
    write: async (call) => await serveWrite(layoutOf(call), call),
    abort: async () => ({}),
  });
}

type WriteCall = ServerCall<WriteContentRequest, Parameters<ServerCall<never, WriteResponse>['send']>[0]>;
interface WriteResponse {
  action: WriteAction;
  startedAt: { seconds: bigint; nanos: number };
  updatedAt: { seconds: bigint; nanos: number };
  offset: bigint;
  total: bigint;
  digest: string;
}

async function serveWrite(layout: ImageLayout, call: WriteCall): Promise<void> {
  let writer: BlobWriter | undefined;
  let committed = false;
  await layout.prepareWrite(call.signal);
  try {
    for await (const { action, offset, data, expected, total } of call.requests) {
      if (expected !== '' && (await layout.info(expected)) !== undefined) {
        throw new K3cError(Code.ALREADY_EXISTS, `content ${expected}: already exists`);
      }
      writer ??= await layout.write();
      if (action !== WriteAction.STAT && data.length > 0) {
        if (offset !== 0n && offset !== BigInt(writer.offset)) {
          throw new K3cError(Code.OUT_OF_RANGE, `write at ${offset}, but ${writer.offset} bytes are there`);
        }
        await writer.write(data);
      }
      const digest = writer.digest;
      if (action === WriteAction.COMMIT) {
        await writer.commit(Number(total), expected);
        committed = true;
      }
      await call.send({
        action,
        startedAt: toTimestamp(writer.startedAt),
        updatedAt: toTimestamp(new Date()),
        offset: BigInt(writer.offset),
        total,
        digest,
      });
      if (committed) return;
    }
  } finally {
    if (!committed) await writer?.abort();
  }
}

function toTimestamp(date: Date): { seconds: bigint; nanos: number } {
  const milliseconds = date.getTime();
  return { seconds: BigInt(Math.floor(milliseconds / 1000)), nanos: (milliseconds % 1000) * 1_000_000 };
}
