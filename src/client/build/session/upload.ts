/**
 * Upload.Pull: a stream of the client (a tar on stdin) that the daemon fetches as if it were a download, under a URL that
 * exists only in this session.
 */
import type { Readable } from 'node:stream';
import { Code, K3cError } from '../../../api/errors.ts';
import type { RawHandler } from './raw-call.ts';
import { frameBytes } from './tunnel.ts';

export const UPLOAD_PATH = '/moby.upload.v1.Upload/Pull';

/** The URL the daemon is to use for an upload of this id. */
export function uploadUrl(id: string): string {
  return `http://buildkit-session/${id}`;
}

/** Serves each stream once, by the last part of the URL's path. */
export function uploadHandler(uploads: Map<string, Readable>): RawHandler {
  return async (call) => {
    const id = (call.values('urlpath')?.[0] ?? '').split('/').pop() ?? '';
    const source = uploads.get(id);
    if (source === undefined) throw new K3cError(Code.NOT_FOUND, `no upload ${id} in this session`);
    uploads.delete(id);
    for await (const chunk of source) await call.drain(frameBytes([chunk as Buffer]));
  };
}
