/** What a server does with a stream whose answer is complete while the caller may still be sending. */
import { constants, type ServerHttp2Stream } from 'node:http2';

/**
 * Call it when the last of the answer was handed over. A caller that has not half-closed is told to stop
 * (RST_STREAM with NO_ERROR after the complete answer: RFC 9113, 8.1), and what nobody will read is thrown away, so that
 * it holds neither memory nor the stream.
 */
export function endUpload(stream: ServerHttp2Stream): void {
  // node:http2 sends trailers in an immediate of its own; a reset before it would take their place.
  setImmediate(() => setImmediate(() => settle(stream)));
}

function settle(stream: ServerHttp2Stream): void {
  if (stream.destroyed || stream.readableEnded) return;
  // What is still to be written has to pass first: the caller may be slow.
  if (!stream.writableFinished) {
    stream.once('finish', () => endUpload(stream));
    return;
  }
  if (!stream.closed && stream.state.remoteClose !== 1) stream.close(constants.NGHTTP2_NO_ERROR);
  setImmediate(() => {
    if (!stream.destroyed) stream.destroy();
  });
}
