/** The part of k3c.v1.Containers that has to do with files. */
import { Code, K3cError } from '../../api/errors.ts';
import type { ContainersDefinition, CopyToRequest } from '../../api/gen/k3c.ts';
import type { Handlers } from '../../api/rpc/types.ts';
import type { FileStat } from '../../host/files-helper.ts';
import type { ContainerFiles } from '../engine/containers/files/files.ts';

type Names = 'statPath' | 'copyFrom' | 'copyTo' | 'export' | 'diff' | 'commit';

/** Changes of one message. */
const BATCH = 500;

/** The handlers. A copy ends with its caller; what it wrote by then stays, as with docker. */
export function fileHandlers(files: ContainerFiles): Pick<Handlers<typeof ContainersDefinition>, Names> {
  return {
    statPath: async ({ container, path }, { signal }) => ({ stat: toStat(await files.stat(container, path, signal)) }),
    copyFrom: async ({ container, path, name }, call) => {
      const sink = {
        stat: (stat: FileStat) => call.send({ part: { $case: 'stat' as const, value: toStat(stat) } }),
        data: (value: Buffer) => call.send({ part: { $case: 'data' as const, value } }),
      };
      await files.copyFrom(container, { path, name }, sink, call.signal);
    },
    copyTo: async ({ requests, signal }) => {
      const parts = requests[Symbol.asyncIterator]();
      const { value: first } = await parts.next();
      const open = (first as CopyToRequest | undefined)?.part;
      if (open?.$case !== 'open') {
        throw new K3cError(Code.INVALID_ARGUMENT, 'a copy begins with where it goes', { reason: 'bad-input' });
      }
      const { container, path, keepOwner } = open.value;
      await files.copyTo(container, { path, keepOwner, data: copied(parts), signal });
      return {};
    },
    export: ({ container }, call) => files.export(container, { data: (data) => call.send({ data }) }, call.signal),
    diff: ({ container }, call) =>
      files.diff(
        container,
        async (changes) => {
          for (let at = 0; at < changes.length; at += BATCH)
            await call.send({ changes: changes.slice(at, at + BATCH) });
        },
        call.signal,
      ),
    commit: async ({ container, reference, author, message, changes, noPause }, { signal }) => ({
      id: await files.commit(container, { reference, author, message, changes, pause: !noPause, signal }),
    }),
  };
}

function toStat({ mode, size, modified, linkTarget }: FileStat) {
  return { mode, size: BigInt(size), modified, linkTarget };
}

async function* copied(requests: AsyncIterator<CopyToRequest>): AsyncGenerator<Buffer> {
  for (let next = await requests.next(); next.done !== true; next = await requests.next()) {
    const { part } = next.value;
    if (part?.$case === 'data') yield part.value;
  }
}
