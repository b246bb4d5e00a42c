/** Files in and out of containers, whatever their state: what the engine offers of it. */
import type { FileStat } from '../../../../host/files-helper.ts';
import type { ContainerRecord } from '../../../state/containers.ts';
import type { EngineContext } from '../context.ts';
import { diffContainer, type FileChange } from './changes.ts';
import { type CommitOptions, commitContainer } from './commit.ts';
import { copyFrom, exportContainer, type ReadSink, statPath } from './read.ts';
import { type CopyToOptions, copyTo } from './write.ts';

export type ContainerFiles = ReturnType<typeof containerFiles>;

/** @param find the record that a user means */
export function containerFiles(context: EngineContext, find: (reference: string) => ContainerRecord) {
  return {
    stat: (container: string, path: string, signal: AbortSignal): Promise<FileStat> =>
      statPath(context, find(container), path, signal),
    copyFrom: (
      container: string,
      from: { readonly path: string; readonly name: string },
      sink: ReadSink,
      signal: AbortSignal,
    ): Promise<void> => copyFrom(context, find(container), from, sink, signal),
    copyTo: (container: string, options: CopyToOptions): Promise<void> => copyTo(context, find(container), options),
    export: (container: string, sink: Pick<ReadSink, 'data'>, signal: AbortSignal): Promise<void> =>
      exportContainer(context, find(container), sink, signal),
    diff: (
      container: string,
      send: (changes: readonly FileChange[]) => Promise<void>,
      signal: AbortSignal,
    ): Promise<void> => diffContainer(context, find(container), send, signal),
    /** Returns the image id. */
    commit: (container: string, options: CommitOptions): Promise<string> =>
      commitContainer(context, find(container), options),
  };
}
